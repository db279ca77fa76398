import { type Diagnostic, fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { invariant } from "../diagnostics/invariant.ts";
import { error } from "../diagnostics/messages.ts";
import { constants, type Graph, isBatched, type Node, nodeOf, readers, resolve, type ValueId } from "../graph/graph.ts";
import type { OpName } from "../graph/ops.ts";
import type { Batch } from "../model/model.ts";
import { lowerings } from "./lower.ts";
import type { FusionGroup } from "./lowering.ts";
import { type Lifetime, layOut } from "./memory.ts";
import { checkStorage } from "./numerics.ts";
import { type Buffer, bufferBytes, type Plan, type Port, type Step } from "./plan.ts";
import type { TunedChoices } from "./tuned-choices.ts";
import { type ProfileName, profileFor, type TuningProfile } from "./tuning-profiles.ts";

/** What a lowering adds to the plan. */
export interface Steps {
  readonly setup: readonly Step[];
  readonly steps: readonly Step[];
}

/** Offsets of bindings are multiples of this in every WebGPU implementation. */
const alignment = 256;
/** WebGPU's default limits: what every implementation allows. */
const defaults = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27, groups: 65535 } as const;

export interface ScheduleOptions {
  readonly tuning: ProfileName;
  readonly tuned?: TunedChoices | undefined;
  /** Maps between kernels and packed matrices are stored in 16 bits, where every kernel that touches them can. */
  readonly half?: boolean | undefined;
}

/**
 * Graph to kernels: one kernel a fusion group, tiles from shapes and the tuning profile, buffers and their places. Fails where a value or
 * a grid is larger than WebGPU's default limits allow at the largest batch (CUDA has none that a model meets).
 */
export function schedule(graph: Graph, batch: Batch, options: ScheduleOptions): Result<Plan> {
  const tuning = profileFor(options.tuning, batch, options.tuned);
  const lowered = lowerGroups(graph, tuning);
  const { setup, steps } = options.half ? inF16(graph, lowered) : lowered;
  for (const { name, bindings, f16Bindings } of [...setup, ...steps])
    checkStorage(
      name,
      bindings.map(binding => ({ name: binding.name, half: f16Bindings.includes(binding.name) })),
    );

  const buffers = placeBuffers(graph, setup, steps);
  const plan: Plan = {
    name: graph.name,
    batch,
    inputs: ports(
      graph,
      [...graph.nodes.values()].filter(node => node.op === "input").map(node => [node.id, node.id]),
    ),
    outputs: ports(
      graph,
      graph.outputs.map(({ name, value }) => [name, value]),
    ),
    params: [...graph.nodes.values()]
      .filter(node => node.op === "param")
      .map(node => ({ name: node.id, shape: resolve(node.type.shape, 1) })),
    ...buffers,
    setup,
    steps,
  };
  const problems = options.tuning === "cuda" ? [] : overLimits(plan, graph); // CUDA's grids and buffers have no such limits
  return problems.length > 0 ? fail(...problems) : ok(plan);
}

/** Groups in an order in which each finds its operands ready, lowered one by one. */
function lowerGroups(graph: Graph, tuning: TuningProfile): Steps {
  const setup: Step[] = [];
  const steps: Step[] = [];
  const read = { ...graph, readers: readers(graph) };
  for (const group of fusionGroups(graph)) {
    const lowering = lowerings[group.anchor.op];
    invariant(lowering, `no kernel computes '${group.anchor.id}' alone`);
    const lowered = lowering(group, read, tuning);
    setup.push(...lowered.setup);
    steps.push(...lowered.steps);
  }
  return { setup, steps };
}

const leaves: ReadonlySet<OpName> = new Set(["input", "param"]);

/** By their last member: everything a group reads from another was defined before that. */
function fusionGroups(graph: Graph): readonly FusionGroup[] {
  const constant = constants(graph);
  const members = new Map<ValueId, Node[]>();
  for (const node of graph.nodes.values()) {
    if (leaves.has(node.op) || constant.has(node.id)) continue;
    const anchor = graph.groups.get(node.id) ?? node.id;
    const group = members.get(anchor) ?? [];
    members.delete(anchor); // set again: the order of insertion becomes that of the last members
    members.set(anchor, [...group, node]);
  }
  const done = new Set<ValueId>();
  return [...members].map(([anchor, nodes]) => {
    for (const node of nodes) done.add(node.id);
    const outside = nodes
      .flatMap(node => node.inputs)
      .filter(id => !constant.has(id) && !leaves.has(nodeOf(graph, id).op));
    for (const id of outside) invariant(done.has(id), `the kernel of '${anchor}' needs '${id}', which comes later`);
    return { anchor: nodeOf(graph, anchor), members: nodes };
  });
}

function ports(graph: Graph, pairs: readonly (readonly [name: string, value: ValueId])[]): readonly Port[] {
  const values = [...new Set(pairs.map(([, value]) => value))];
  return values.map(value => {
    const { type } = nodeOf(graph, value);
    const perImage = isBatched(type);
    const shape = resolve(perImage ? type.shape.slice(1) : type.shape, 1);
    const [name = value, ...also] = pairs.filter(pair => pair[1] === value).map(pair => pair[0]);
    return { name, also, buffer: value, shape, perImage, keep: keptBy(graph, value) };
  });
}

/** Kept patches of an input that masks; null for any other value. */
function keptBy(graph: Graph, id: ValueId): number | null {
  for (const { op, inputs, attrs } of graph.nodes.values())
    if ((op === "patchTable" && inputs[0] === id) || (op === "maskSites" && inputs[1] === id)) return attrs.keep;
  return null;
}

/** The same steps, with the names of what they bind in 16 bits. What the caller gives and gets stays f32. */
function inF16(graph: Graph, { setup, steps }: Steps): Steps {
  const ports = new Set(graph.outputs.map(({ value }) => value));
  const bound = [...setup, ...steps].flatMap(step =>
    step.bindings.map(({ name, f16Allowed }) => ({ value: operandsOf(step)[name] as ValueId, f16Allowed })),
  );
  const f32 = new Set(
    bound.filter(({ value, f16Allowed }) => !f16Allowed || ports.has(value)).map(({ value }) => value),
  );
  const stored = (step: Step): Step => ({
    ...step,
    f16Bindings: step.bindings.map(({ name }) => name).filter(name => !f32.has(operandsOf(step)[name] as ValueId)),
  });
  return { setup: setup.map(stored), steps: steps.map(stored) };
}

const operandsOf = (step: Step): Readonly<Record<string, ValueId>> => ({ ...step.reads, ...step.writes });

/** Every value that a step reads or writes, its size, and its place in scratch memory if it has one. */
function placeBuffers(graph: Graph, setup: readonly Step[], steps: readonly Step[]): Pick<Plan, "buffers" | "arenas"> {
  const outputs = new Set(graph.outputs.map(({ value }) => value));
  const sizes = new Map<ValueId, Sized>();
  for (const step of [...setup, ...steps]) {
    for (const { value, elements: needed, perImage, elementBytes } of bindingsOf(step)) {
      const known = sizes.get(value);
      invariant(!known || known.perImage === perImage, `'${value}' is both batched and not`);
      invariant(!known || known.elementBytes === elementBytes, `'${value}' is stored in two ways`);
      sizes.set(value, { elements: Math.max(known?.elements ?? 0, needed), perImage, elementBytes });
    }
  }
  const packed = new Set(setup.flatMap(step => Object.values(step.writes)));
  const role = (value: ValueId): Buffer["role"] => {
    if (packed.has(value)) return "packed";
    if (outputs.has(value)) return "output";
    const op = graph.nodes.get(value)?.op;
    return op === "param" || op === "input" ? op : "scratch";
  };
  const scratch = [...sizes].filter(([value]) => role(value) === "scratch");
  const uses = usesOf(steps);
  const { slots, arenas } = layOut(
    scratch.map(([value, size]) => lifetime(value, size, uses, steps)),
    alignment,
  );
  const buffers = new Map(
    [...sizes].map(([name, size]): [ValueId, Buffer] => [
      name,
      {
        name,
        role: role(name),
        dtype: graph.nodes.get(name)?.type.dtype ?? "f32",
        ...size,
        slot: slots.get(name) ?? null,
      },
    ]),
  );
  return { buffers, arenas };
}

type Sized = Pick<Buffer, "elements" | "perImage" | "elementBytes">;

/** Indices of the step that first writes each value and of the one that last reads it. */
interface Uses {
  readonly written: ReadonlyMap<ValueId, number>;
  readonly read: ReadonlyMap<ValueId, number>;
}

function usesOf(steps: readonly Step[]): Uses {
  const written = new Map<ValueId, number>();
  const read = new Map<ValueId, number>();
  for (const [at, step] of steps.entries()) {
    for (const value of Object.values(step.writes)) if (!written.has(value)) written.set(value, at);
    for (const value of Object.values(step.reads)) read.set(value, at);
  }
  return { written, read };
}

function lifetime(name: ValueId, size: Sized, { written, read }: Uses, steps: readonly Step[]): Lifetime {
  const from = written.get(name);
  invariant(from !== undefined, `nothing writes '${name}'`);
  return {
    name,
    bytes: bufferBytes(size),
    from,
    to: Math.max(from, read.get(name) ?? from),
    apart: Object.values((steps[from] as Step).reads),
  };
}

/** The values of a step with the sizes that its kernel binds. */
function bindingsOf(step: Step): readonly (Sized & { readonly value: ValueId })[] {
  const operands = operandsOf(step);
  return step.bindings.map(({ name, elements: needed, role }) => {
    const value = operands[name];
    invariant(value !== undefined, `${step.kind} '${step.name}' has nothing for '${name}'`);
    const elementBytes = step.f16Bindings.includes(name) ? 2 : 4;
    return { value, elements: needed, perImage: role === "activation", elementBytes };
  });
}

function overLimits(plan: Plan, graph: Graph): readonly Diagnostic[] {
  const images = (perImage: boolean): number => (perImage ? plan.batch.max : 1);
  const span = (name: ValueId) => graph.nodes.get(name)?.span ?? null;
  const most = (bytes: number, allowed: number): string => {
    const fits = Math.floor((allowed * plan.batch.max) / bytes);
    return fits >= 1 && plan.batch.max > 1 ? `a batch of ${fits} fits` : "choose a smaller input or model";
  };
  const large = [...plan.buffers.values()].flatMap(buffer => {
    const { name, perImage } = buffer;
    const bytes = bufferBytes(buffer) * images(perImage);
    const allowed = defaults.maxStorageBufferBindingSize;
    return bytes > allowed
      ? [
          error(
            "binding-too-large",
            span(name),
            `'${name}'`,
            bytes,
            "maxStorageBufferBindingSize",
            allowed,
            most(bytes, allowed),
          ),
        ]
      : [];
  });
  const arenas = plan.arenas.flatMap((size, i) => {
    const bytes = size * plan.batch.max;
    const allowed = defaults.maxBufferSize;
    return bytes > allowed
      ? [error("binding-too-large", null, `scratch arena ${i}`, bytes, "maxBufferSize", allowed, most(bytes, allowed))]
      : [];
  });
  const grids = [...plan.setup, ...plan.steps].flatMap(step => {
    const groups = Math.max(...step.grid, images(step.perImage));
    return groups > defaults.groups
      ? [error("grid-too-large", step.span, `'${step.name}'`, groups, defaults.groups)]
      : [];
  });
  return large.length > 0 ? large : [...arenas, ...grids];
}
