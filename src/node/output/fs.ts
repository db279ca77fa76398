import * as fs from "node:fs";
import { errnoOf } from "../files/errno.ts";

/** Every call to the file system that publishing makes; a test hands in one that fails where it wants. */
export type FsOps = Pick<
  typeof fs,
  | "accessSync"
  | "chmodSync"
  | "closeSync"
  | "fsyncSync"
  | "linkSync"
  | "lstatSync"
  | "mkdirSync"
  | "openSync"
  | "readFileSync"
  | "readSync"
  | "readdirSync"
  | "realpathSync"
  | "renameSync"
  | "rmSync"
  | "rmdirSync"
  | "unlinkSync"
  | "writeSync"
>;

export const realFs: FsOps = fs;

/** Passing troubles, and how long they are waited for in all. */
const passing: Readonly<Record<string, number>> = { EINTR: 50, EAGAIN: 20, EMFILE: 20, ENFILE: 20 };

/** The same operations, asking again where an answer only says that now is a bad moment. */
export function patientFs(ops: FsOps): FsOps {
  const patient =
    (operation: (...args: unknown[]) => unknown) =>
    (...args: unknown[]) => {
      for (let tries = 0; ; tries++) {
        try {
          return operation(...args);
        } catch (cause) {
          const code = errnoOf(cause);
          if (code === null || tries >= (passing[code] ?? 0)) throw cause;
          if (code !== "EINTR") pause(10);
        }
      }
    };
  const entries = Object.keys(operationNames).map(name => {
    const operation = ops[name as keyof FsOps] as unknown as (...args: unknown[]) => unknown;
    return [name, patient(operation)];
  });
  return Object.fromEntries(entries) as FsOps;
}

export const operationNames = {
  accessSync: true,
  chmodSync: true,
  closeSync: true,
  fsyncSync: true,
  linkSync: true,
  lstatSync: true,
  mkdirSync: true,
  openSync: true,
  readFileSync: true,
  readSync: true,
  readdirSync: true,
  realpathSync: true,
  renameSync: true,
  rmSync: true,
  rmdirSync: true,
  unlinkSync: true,
  writeSync: true,
} as const satisfies Record<keyof FsOps, true>;

export const pause = (milliseconds: number) =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

/** Lets signals in: their handlers run only between two turns of the event loop. */
export const breathe = () => new Promise<void>(resolve => setImmediate(resolve));

/** Uses an open file and closes it. What goes wrong first is what is thrown. */
export function closing<T>(ops: FsOps, descriptor: number, use: (descriptor: number) => T): T {
  let value: T;
  try {
    value = use(descriptor);
  } catch (cause) {
    try {
      ops.closeSync(descriptor);
    } catch {
      // the first failure is the one to report
    }
    throw cause;
  }
  ops.closeSync(descriptor);
  return value;
}

/** What stands at a path, links not followed, or null. */
export function lookAt(ops: FsOps, file: string): fs.Stats | null {
  try {
    return ops.lstatSync(file);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT" || errnoOf(cause) === "ENOTDIR") return null;
    throw cause;
  }
}
