import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { builtOnce } from "./built-once.ts";

/** Whether this machine can load a library before a program's own, and make one. */
export const canWatch = process.platform === "linux" && spawnSync("gcc", ["--version"]).status === 0;

/** The library of `watched.c`, for LD_PRELOAD. */
export async function watchedLibrary(): Promise<string> {
  const source = fs.readFileSync(path.join(import.meta.dirname, "watched.c"), "utf8");
  const words = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", "watched.so", "watched.c", "-ldl"] as const;
  return path.join(await builtOnce("watched", { "watched.c": source }, [["gcc", ...words]]), "watched.so");
}
