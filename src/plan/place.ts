import { invariant } from "../diagnostics/invariant.ts";
import { type Graph, resolve, type ValueId } from "../graph/graph.ts";
import { lifetimes } from "./lifetimes.ts";
import { type Layout, type Lifetime, layOut, type Slot } from "./memory.ts";
import {
  type Buffer,
  type BufferRole,
  bytesOf,
  type DataType,
  type Kernel,
  type KernelCall,
  type KernelOperand,
  type Operand,
  type Plan,
  type Step,
  valuesOf,
} from "./plan.ts";
import type { Schedule } from "./schedule.ts";
import type { Machine } from "./target.ts";
import { roundUp } from "./tiles/tile.ts";

/** What steps count blocks with, all of them in one place: zero before and after each. */
export const counters: ValueId = "block counters";

/** Offsets of bindings are multiples of this in every WebGPU implementation; what CUDA allocates begins at such. */
export const alignment = 256;

/** Kernels in order to a plan: what each binds and how it is launched, in which type every value is kept, and where. */
export function place(scheduled: Schedule, machine: Machine): Plan {
  const { graph, batch, inputs, outputs } = scheduled;
  const kernels = new Map<string, Kernel>(); // blocks of a stage are alike
  const bind = (call: KernelCall): Bound => {
    const key = `${call.kind} ${JSON.stringify(call.params)}`;
    const kernel = kernels.get(key) ?? machine.kernel(call, batch);
    kernels.set(key, kernel);
    return bound(call, kernel);
  };
  const [setup, steps] = [scheduled.setup.map(bind), scheduled.steps.map(bind)];
  const roles = rolesOf(scheduled);
  const types = typesOf([...setup, ...steps], roles);
  const typed = (step: Bound): Step => withTypes(step, types);
  const made = { setup: setup.map(typed), steps: steps.map(typed) };
  const buffers = buffersOf(made, roles, graph);
  const { slots, arenas, fixedArenas, weightBytes } = layouts[machine.memory](made, buffers);
  return {
    name: graph.name,
    precision: machine.precision,
    batch,
    inputs,
    outputs,
    params: [...graph.nodes.values()]
      .filter(node => node.op === "param")
      .map(node => ({ name: node.id, shape: resolve(node.type.shape, 1) })),
    buffers: new Map([...buffers].map(([value, buffer]) => [value, { ...buffer, slot: slots.get(value) ?? null }])),
    arenas,
    fixedArenas,
    weightBytes,
    ...made,
  };
}

/** A call with the values that its kernel binds, of which the types are still open. */
export type Bound = Omit<Step, "operands"> & {
  readonly operands: readonly (KernelOperand & { readonly value: ValueId })[];
};

export function bound({ reads, writes, ...call }: KernelCall, { operands, ...launch }: Kernel): Bound {
  const given = { read: reads, write: writes };
  for (const [access, values] of Object.entries(given))
    for (const role of Object.keys(values))
      invariant(
        operands.some(operand => operand.role === role && operand.access === access),
        `${call.kind} '${call.name}' does not ${access} '${role}'`,
      );
  return {
    ...call,
    ...launch,
    operands: operands.map(operand => {
      const value = given[operand.access][operand.role];
      invariant(value !== undefined, `${call.kind} '${call.name}' has nothing for '${operand.role}'`);
      return { ...operand, value };
    }),
  };
}

/** What each value is; those that are not listed lie in scratch memory. */
function rolesOf({ graph, inputs, outputs, setup }: Schedule): ReadonlyMap<ValueId, BufferRole> {
  return new Map<ValueId, BufferRole>([
    ...[...graph.nodes.values()].flatMap(({ id, op }) => (op === "param" ? [[id, "param"] as const] : [])),
    ...inputs.map(({ buffer }) => [buffer, "input"] as const),
    ...outputs.map(({ buffer }) => [buffer, "output"] as const),
    ...setup.flatMap(({ writes }) => Object.values(writes).map(value => [value, "packed"] as const)),
    [counters, "counters"],
  ]);
}

/** What the caller gives and gets, and what a checkpoint holds, is f32 whatever a plan keeps its own values in. */
const foreign: ReadonlySet<BufferRole | undefined> = new Set(["input", "output", "param"]);

/** The type of each value: the first that all kernels which touch it take. */
function typesOf(steps: readonly Bound[], roles: ReadonlyMap<ValueId, BufferRole>): ReadonlyMap<ValueId, DataType> {
  const possible = new Map<ValueId, readonly DataType[]>();
  for (const { value, storage } of steps.flatMap(({ operands }) => operands)) {
    const known = possible.get(value) ?? (foreign.has(roles.get(value)) ? (["f32"] as const) : storage);
    possible.set(
      value,
      known.filter(type => storage.includes(type)),
    );
  }
  return new Map(
    [...possible].map(([value, [type]]) => {
      invariant(type, `no type in which all kernels take '${value}'`);
      return [value, type];
    }),
  );
}

export function withTypes({ operands, ...step }: Bound, types: ReadonlyMap<ValueId, DataType>): Step {
  const typed = operands.map(({ storage: _, ...operand }): Operand => {
    const storage = types.get(operand.value);
    invariant(storage, `no buffer for '${operand.value}'`);
    return { ...operand, storage };
  });
  return { ...step, operands: typed } as Step;
}

type Steps = Pick<Plan, "setup" | "steps">;
/** A value whose place is still open. */
export type Unplaced = Omit<Buffer, "slot">;

/** Every value that a step touches, as large as the largest operand that it is. */
function buffersOf(
  { setup, steps }: Steps,
  roles: ReadonlyMap<ValueId, BufferRole>,
  graph: Graph,
): ReadonlyMap<ValueId, Unplaced> {
  const buffers = new Map<ValueId, Unplaced>();
  for (const { value: name, storage, perImage, elements } of [...setup, ...steps].flatMap(({ operands }) => operands)) {
    const known = buffers.get(name);
    invariant(!known || known.perImage === perImage, `'${name}' is both batched and not`);
    buffers.set(name, {
      name,
      role: roles.get(name) ?? "scratch",
      storage,
      elements: Math.max(known?.elements ?? 0, elements),
      perImage,
      span: graph.nodes.get(name)?.span ?? null,
    });
  }
  return buffers;
}

interface Laid {
  readonly slots: ReadonlyMap<ValueId, Slot>;
  readonly arenas: readonly number[];
  readonly fixedArenas: readonly number[];
  readonly weightBytes: number | null;
}

/** Where scratch values lie, and weights where one allocation holds them all. */
export const layouts: {
  readonly [memory in Machine["memory"]]: (made: Steps, buffers: ReadonlyMap<ValueId, Unplaced>) => Laid;
} = {
  buffers: ({ steps }, buffers) => {
    const [each, fixed] = layOutApart(lifetimes(steps, buffers, "buffers"), buffers);
    const behind = [...fixed.slots].map(([value, { arena, offset }]): readonly [ValueId, Slot] => [
      value,
      { arena: each.arenas.length + arena, offset },
    ]);
    const slots = new Map<ValueId, Slot>([...each.slots, ...behind]);
    return { slots, arenas: each.arenas, fixedArenas: fixed.arenas, weightBytes: null };
  },
  allocations: (made, buffers) => {
    const [each, fixed] = layOutApart(lifetimes(made.steps, buffers, "allocations"), buffers).map(inOne);
    const weights = weightSlots(made, buffers);
    const scratch = [each, fixed].flatMap((one, arena) =>
      [...(one?.offsets ?? [])].map(([value, offset]): readonly [ValueId, Slot] => [value, { arena, offset }]),
    );
    return {
      slots: new Map([...weights.slots, ...scratch]),
      arenas: [each?.bytes ?? 0],
      fixedArenas: fixed?.bytes ? [fixed.bytes] : [],
      weightBytes: weights.bytes,
    };
  },
};

/** Values of which there is one for each image, and those of which there is one for all. */
const layOutApart = (
  lives: readonly Lifetime[],
  buffers: ReadonlyMap<ValueId, Unplaced>,
): readonly [each: Layout, fixed: Layout] => {
  const own = (perImage: boolean) => lives.filter(({ name }) => buffers.get(name)?.perImage === perImage);
  return [layOut(own(true), alignment), layOut(own(false), alignment)];
};

/** Arenas one behind the other. */
function inOne({ slots, arenas }: Layout) {
  const starts = arenas.map((_, i) => sum(arenas.slice(0, i)));
  const offsets = [...slots].map(([value, { arena, offset }]) => [value, (starts[arena] as number) + offset] as const);
  return { offsets, bytes: sum(arenas) };
}

/** Weights one after the other: those that kernels read as the checkpoint has them, then what the setup packs. */
function weightSlots({ setup, steps }: Steps, buffers: ReadonlyMap<ValueId, Unplaced>) {
  const read = [...new Set(steps.flatMap(step => valuesOf(step, "read")))];
  const kept = read.filter(value => buffers.get(value)?.role === "param");
  const slots = new Map<ValueId, Slot>();
  let bytes = 0;
  for (const value of [...kept, ...setup.flatMap(step => valuesOf(step, "write"))]) {
    slots.set(value, { arena: "weights", offset: bytes });
    bytes += roundUp(bytesOf(buffers.get(value) as Unplaced), alignment);
  }
  return { slots, bytes };
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
