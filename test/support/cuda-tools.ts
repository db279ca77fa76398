import { spawnSync } from "node:child_process";

const answers = (command: string): boolean => spawnSync(command, ["--version"]).status === 0;

/** What generated CUDA sources are compiled with, where it is there: `describe.runIf(hasGxx)`. */
export const hasGxx = answers("g++");
export const hasNvcc = answers("nvcc");
export const hasCmake = answers("cmake");
