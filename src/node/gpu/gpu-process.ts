import { type ChildProcess, fork, spawn } from "node:child_process";
import { constants } from "node:os";
import { Transform } from "node:stream";
import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { childModule } from "../process/child-module.ts";
import { delegating } from "../process/interrupt.ts";
import { watchedHere } from "../process/terminal.ts";
import { type AdapterKind, adapterKinds, findAdapter } from "./adapters.ts";

/** Set in the process that was started for an adapter: the adapter's kind, and who started it, for it to believe it. */
const marker = "CNXC_ADAPTER";
const marked = (kind: AdapterKind): Record<string, string> => ({ [marker]: `${kind} ${process.pid}` });

/** `parent`: the work has been done, by a child that ended with `exitCode`. `child`: do it now, in this process. */
export type GpuProcess =
  | { readonly role: "parent"; readonly exitCode: number }
  | { readonly role: "child"; readonly kind: AdapterKind };

/**
 * The first line of a command that uses WebGPU. A Vulkan loader reads its environment when a process starts, so the
 * command starts itself again with the one that the adapter needs; there, `loadDawn` and `requestAdapter` give it.
 */
export async function enterGpuProcess(wanted: AdapterKind | null): Promise<Result<GpuProcess>> {
  const kind = adapterKinds.find(name => process.env[marker] === `${name} ${process.ppid}`);
  if (kind !== undefined) return ok({ role: "child", kind });
  const found = await findAdapter(wanted);
  if (!found.ok) return found;
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    env: { ...process.env, ...found.value.environment, ...colour(), ...watchedHere(), ...marked(found.value.kind) },
    stdio: ["inherit", "inherit", "pipe"],
  });
  child.stderr?.pipe(withoutDriverChatter()).pipe(process.stderr, { end: false });
  return ok({ role: "parent", exitCode: await passSignals(child) });
}

/**
 * Runs `export default async (message, report) => answer` of a built module in a process where WebGPU gives the wanted
 * adapter. Message, answer and what is reported on the way are cloned, typed arrays included.
 */
export async function spawnWithAdapter<T, P = never>(
  wanted: AdapterKind | null,
  modulePath: string,
  message: unknown,
  onProgress: (progress: P) => void = () => {},
): Promise<Result<T>> {
  const found = await findAdapter(wanted);
  if (!found.ok) return found;
  const { kind, environment } = found.value;
  const child = fork(childModule("gpu/adapter-child"), [modulePath], {
    env: { ...process.env, ...environment, ...marked(kind) },
    serialization: "advanced",
    stdio: ["ignore", "inherit", "pipe", "ipc"],
  });
  child.stderr?.pipe(withoutDriverChatter()).pipe(process.stderr, { end: false });
  let answer: Exclude<Answer, Progress> | null = null;
  child.on("message", (received: Answer) => {
    if ("progress" in received) onProgress(received.progress as P);
    else answer = received;
  });
  child.send([message]);
  const exitCode = await passSignals(child);
  const received = answer as Exclude<Answer, Progress> | null;
  if (received === null)
    return fail(error("tool-failed", null, `the adapter '${kind}'`, `its process ended with exit code ${exitCode}`));
  if ("failure" in received) throw new Error(received.failure);
  return ok(received.value as T);
}

interface Progress {
  readonly progress: unknown;
}
export type Answer = Progress | { readonly value: unknown } | { readonly failure: string };

/** A driver may compile for seconds without looking up; a user who interrupts waits for half a second. */
const patienceMs = 400;

/** Waits for a child, hands it our signals, and gives the exit code that a shell would. */
function passSignals(child: ChildProcess): Promise<number> {
  let interrupted: NodeJS.Signals | null = null;
  const forward = (signal: NodeJS.Signals) => {
    interrupted ??= signal;
    child.kill(signal);
    setTimeout(() => child.kill("SIGKILL"), patienceMs).unref();
  };
  const ended = new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const reason = interrupted ?? signal;
      resolve(reason === null ? (code ?? 1) : 128 + constants.signals[reason]);
    });
  });
  return delegating(forward, ended);
}

/** The child writes to a pipe, so it cannot see that a person reads. */
const colour = (): Record<string, string> =>
  process.stderr.isTTY && process.env.NO_COLOR === undefined ? { FORCE_COLOR: "1" } : {};

/** Dawn and the Vulkan loader talk on standard error about limits and drivers that are not ours to judge. */
const chatter = /^(Warning: (max\w+ artificially reduced|vkCreateInstance)|\s+at CheckVk\w+ \()/;

function withoutDriverChatter(): Transform {
  let rest = "";
  const keep = (text: string) => (chatter.test(text) ? "" : text);
  return new Transform({
    decodeStrings: false,
    encoding: "utf8",
    transform(chunk, _encoding, done) {
      const lines = (rest + String(chunk)).split(/(?<=\n)/);
      // A line that rewrites itself begins with a carriage return, and has no end for long.
      rest = /\n$|^\r/.test(lines.at(-1) ?? "") ? "" : (lines.pop() ?? "");
      done(null, lines.map(keep).join(""));
    },
    flush(done) {
      done(null, keep(rest));
    },
  });
}
