import { spawnSync } from "node:child_process";

const answers = (command: string): boolean => spawnSync(command, ["--version"]).status === 0;

/** What generated CUDA sources are compiled with, where it is there: `describe.runIf(hasGxx)`. */
export const hasGxx = answers("g++");
export const hasNvcc = answers("nvcc");
export const hasCmake = answers("cmake");

interface Torch {
  readonly python: string;
  /** `torch.compile`, `torch.export`, `torch.library.opcheck`, and a `torchrun` that runs: from 2.4 on. */
  readonly compiler: boolean;
  /** From 2.10 on. */
  readonly stableAbi: boolean;
}

const question = `import json, numpy, torch
version = tuple(int(part) for part in torch.__version__.split(".")[:2])
print(json.dumps({"compiler": hasattr(torch.library, "opcheck"), "stableAbi": version >= (2, 10)}))`;

function askTorch(python: string): Torch | null {
  const { status, stdout } = spawnSync(python, ["-c", question], { encoding: "utf8" });
  const compiles = ["-fsyntax-only", "-include", "torch/library.h", "-x", "c++", "/dev/null"];
  return status === 0 && spawnSync("g++", compiles).status === 0 ? { python, ...JSON.parse(stdout) } : null;
}

/** A torch that can be compiled against, Debian's python3-torch with libtorch-dev; null where there is none. */
export const torch: Torch | null = askTorch("python3") ?? askTorch("/usr/bin/python3");
