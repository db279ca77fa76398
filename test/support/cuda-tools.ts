import { spawnSync } from "node:child_process";

const answers = (command: string): boolean => spawnSync(command, ["--version"]).status === 0;

/** What generated CUDA sources are compiled with, where it is there: `describe.runIf(hasGxx)`. */
export const hasGxx = answers("g++");
export const hasNvcc = answers("nvcc");
export const hasCmake = answers("cmake");

/** A Python whose torch can be compiled against, Debian's python3-torch with libtorch-dev; null where there is none. */
export const torchPython: string | null =
  ["python3", "/usr/bin/python3"].find(
    python =>
      spawnSync(python, ["-c", "import torch, numpy"]).status === 0 &&
      spawnSync("g++", ["-fsyntax-only", "-include", "torch/library.h", "-x", "c++", "/dev/null"]).status === 0,
  ) ?? null;
