// @ts-check
import { spawnSync } from "node:child_process";

/** The first Python that has torch: a virtual environment's may not see the system's packages. Null where none has. */
export const python = () =>
  ["python3", "/usr/bin/python3"].find(name => spawnSync(name, ["-c", "import torch, numpy"]).status === 0) ?? null;
