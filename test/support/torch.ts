import { spawnSync } from "node:child_process";

/** A Python with torch and numpy, which write the files that weights are read from; null where there is none. */
export const torchPython: string | null =
  ["python3", "/usr/bin/python3"].find(
    python => spawnSync(python, ["-c", "import torch, numpy"], { stdio: "ignore" }).status === 0,
  ) ?? null;
