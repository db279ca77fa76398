import type { Span } from "../diagnostics/diagnostic.ts";
import { InternalError, invariant } from "../diagnostics/invariant.ts";
import { error } from "../diagnostics/messages.ts";
import type { Graph, ValueId } from "../graph/graph.ts";
import { unknownScope } from "../graph/scope.ts";
import { readJson, smallJson } from "../json/read.ts";
import type { Batch } from "../model/model.ts";
import type { Slot } from "./memory.ts";
import { bound, withTypes } from "./place.ts";
import type { Buffer, BufferRole, DataType, KernelCall, Plan, Port } from "./plan.ts";
import { launchText } from "./print.ts";
import type { Schedule } from "./schedule.ts";
import type { Machine } from "./target.ts";
import { verifyKernels, verifyPlan } from "./verify.ts";

/**
 * The plan that `printPlan` wrote, for the target that it was made for: its table says what each kernel binds. Both are
 * verified, so a hand-written case cannot lie. For tests and tools of ours: a malformed text is an InternalError.
 */
export function readPlan(text: string, machine: Machine): Plan {
  const lines = linesOf(text);
  const { name, batch, outputs, setup, steps } = readCommon(lines);
  const buffers = new Map(lines.buffers.map(readBuffer).map(buffer => [buffer.name, buffer]));
  const types = new Map([...buffers].map(([value, { storage }]) => [value, storage]));
  const step = ({ call, launch }: ReadCall) => {
    const made = withTypes(bound(call, machine.kernel(call, batch)), types);
    const { grid, group } = launchText(made);
    invariant(launch === `${grid} groups of ${group}`, `'${call.name}' has ${grid} groups of ${group}, not ${launch}`);
    return made;
  };
  const arenas = /in \d+ arenas of (.*)$/.exec(only(lines.head, "scratch"))?.[1] ?? "";
  const plan: Plan = {
    name,
    precision: machine.precision,
    batch,
    inputs: rest(lines.head, "input").map(readPort),
    outputs,
    params: rest(lines.head, "param").map(readParam),
    buffers,
    arenas: arenas === "" ? [] : arenas.split(", ").map(Number),
    fixedArenas: rest(lines.head, "fixed").flatMap(line => line.split(", ").map(Number)),
    weightBytes: rest(lines.head, "weights").map(line => Number.parseInt(line, 10))[0] ?? null,
    setup: setup.map(step),
    steps: steps.map(step),
  };
  verifyKernels(plan, machine);
  return verifyPlan(plan, machine.memory);
}

/** The kernels that `printSchedule` wrote, of no graph: what passes over kernels alone look at. */
export function readSchedule(text: string): Schedule {
  const { name, batch, outputs, setup, steps } = readCommon(linesOf(text));
  const graph: Graph = { name, nodes: new Map(), outputs: [], groups: new Map() };
  const calls = (read: readonly ReadCall[]) => read.map(({ call }) => call);
  return { graph, batch, inputs: [], outputs, setup: calls(setup), steps: calls(steps) };
}

interface Line {
  readonly text: string;
  readonly span: Span;
}

/** The lines of each part, and of what stands before the parts. */
type Lines = { readonly [part in "name" | "head" | "buffers" | "setup" | "steps"]: readonly Line[] };

function linesOf(text: string): Lines {
  const source = { name: "plan", text };
  const lines = {
    name: [] as Line[],
    head: [] as Line[],
    buffers: [] as Line[],
    setup: [] as Line[],
    steps: [] as Line[],
  };
  let part: keyof Lines = "name";
  let start = 0;
  for (const line of text.split("\n")) {
    const span = { source, start, end: start + line.length };
    start += line.length + 1;
    const at = line.trim();
    const [, opened = ""] = /^(buffers|setup|steps) \{$/.exec(at) ?? [];
    if (opened !== "") part = opened as keyof Lines;
    else if (at !== "" && at !== "}") lines[part].push({ text: at, span });
    if (part === "name") part = "head";
  }
  return lines;
}

function readCommon({ name: [first], head, setup, steps }: Lines) {
  const [, name = ""] = /^(?:plan|schedule) (\S+) \{$/.exec(first?.text ?? "") ?? [];
  const [min, max = min] = only(head, "batch").split("..").map(Number);
  invariant(name !== "" && min !== undefined && max !== undefined, `neither a plan nor a schedule: ${first?.text}`);
  const batch: Batch = { min, max };
  return { name, batch, outputs: rest(head, "output").map(readPort), setup: readCalls(setup), steps: readCalls(steps) };
}

/** What follows a word at the beginning of lines. */
const rest = (lines: readonly Line[], word: string): readonly string[] =>
  lines.flatMap(({ text }) => (text.startsWith(`${word} `) ? [text.slice(word.length + 1)] : []));

function only(lines: readonly Line[], word: string): string {
  const [found, ...others] = rest(lines, word);
  invariant(found !== undefined && others.length === 0, `not one line of ${word}`);
  return found;
}

function readPort(text: string): Port {
  const [, name, buffer = "", dims = "", keep, also = ""] =
    /^(\S+): %(\S+) \[([^\]]*)\](?:, keeps (\d+))?((?:, also \S+)*)$/.exec(text) ?? [];
  invariant(name !== undefined, `not a port: ${text}`);
  const sizes = dims === "" ? [] : dims.split(", ");
  return {
    name,
    also: also.split(", also ").slice(1),
    buffer,
    shape: sizes.filter(size => size !== "N").map(Number),
    perImage: sizes[0] === "N",
    keep: keep === undefined ? null : Number(keep),
  };
}

function readParam(text: string): Plan["params"][number] {
  const [, name = "", dims = ""] = /^(\S+) \[([^\]]*)\]$/.exec(text) ?? [];
  return { name, shape: dims.split(", ").map(Number) };
}

function readBuffer({ text, span }: Line): Buffer {
  const [, name, role, storage, batch, elements, arena, offset] =
    /^%(.+?): (\w+) (\w+)\[(N \* )?(\d+)\](?: in (weights|arena \d+) at (\d+))?$/.exec(text) ?? [];
  invariant(name !== undefined, `not a buffer: ${text}`);
  const slot: Slot | null =
    arena === undefined
      ? null
      : { arena: arena === "weights" ? arena : Number(arena.slice("arena ".length)), offset: Number(offset) };
  return {
    name,
    role: role as BufferRole,
    storage: storage as DataType,
    elements: Number(elements),
    perImage: batch !== undefined,
    slot,
    span,
  };
}

interface ReadCall {
  readonly call: KernelCall;
  /** Its grid and threads; empty in a schedule. */
  readonly launch: string;
}

/** A kernel a line, what was decided about it on the next. */
function readCalls(lines: readonly Line[]): readonly ReadCall[] {
  return lines.flatMap(({ text, span }, i) => {
    if (text.startsWith("{")) return [];
    const [, name, kind, reads = "", writes = "", launch = ""] =
      /^%(.+?) = (\w+)\((.*?)\) -> ([^{]*?)(?: \{(.+)\})?$/.exec(text) ?? [];
    invariant(name !== undefined, `not a kernel: ${text}`);
    const params = readParams(lines[i + 1]?.text ?? "");
    const call = {
      name,
      kind,
      params,
      reads: readValues(reads),
      writes: readValues(writes),
      span,
      scope: unknownScope,
    } as KernelCall;
    return [{ call, launch }];
  });
}

const readValues = (text: string): Readonly<Record<string, ValueId>> =>
  Object.fromEntries(
    (text === "" ? [] : text.split(", ")).map(entry => {
      const [role = "", value = ""] = entry.split(": %");
      return [role, value];
    }),
  );

function readParams(text: string): unknown {
  const json = text.replaceAll(/([{,] ?)(\w+): /g, '$1"$2": ');
  const read = readJson({
    file: "plan",
    bytes: Uint8Array.from(json, letter => letter.charCodeAt(0)), // ASCII: what the plan decides are numbers and words of ours
    limits: smallJson,
    wrong: () => error("syntax", null, json),
  });
  if (!read.ok) throw new InternalError(`not what a kernel decides: ${text}`);
  return read.value;
}
