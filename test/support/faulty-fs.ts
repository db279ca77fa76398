import { type FsOps, operationNames, realFs } from "../../src/node/output/fs.ts";

export interface Call {
  readonly name: keyof FsOps;
  readonly args: readonly unknown[];
  /** Counts from 0. */
  readonly index: number;
}

type Operation = (...args: unknown[]) => unknown;

/**
 * The real file system, with a hook before every call: it may throw, or do something behind the caller's back. Nothing
 * waits for the disk.
 */
export function hookedFs(hook: (call: Call) => void): FsOps {
  let index = 0;
  const hooked = (name: keyof FsOps): Operation => {
    const operation = realFs[name] as unknown as Operation;
    return (...args) => {
      hook({ name, args, index: index++ });
      return name === "fsyncSync" ? undefined : operation(...args);
    };
  };
  const entries = (Object.keys(operationNames) as (keyof FsOps)[]).map(name => [name, hooked(name)]);
  return Object.fromEntries(entries) as FsOps;
}

export const errno = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code });
