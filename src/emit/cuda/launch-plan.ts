import { invariant } from "../../diagnostics/invariant.ts";
import type { ValueId } from "../../graph/graph.ts";
import type { FoldOp } from "../../plan/kernels.ts";
import { alignment } from "../../plan/place.ts";
import { type Buffer, bytesOf, distinctKernels, type Plan, type Step, valueBy, valuesOf } from "../../plan/plan.ts";
import { roundUp } from "../../plan/tiles/tile.ts";
import { identifier, portsOf } from "./ports.ts";
import type { TrainerState } from "./trainer/state.ts";

/**
 * What the tables of a library hold: values and where they lie, what is packed, and the launches in order. A trainer has
 * parameters and gradients in its state, and packs again.
 */
export function launchPlan(plan: Plan, state: TrainerState | null = null) {
  const places = placesOf(plan, state);
  const ids = new Map<string, ValueId>();
  for (const { name } of places) {
    const id = identifier(name);
    invariant(!ids.has(id), `'${name}' and '${ids.get(id)}' are one identifier`);
    ids.set(id, name);
  }
  const operandCount = Math.max(...plan.steps.map(({ operands }) => operands.length));
  const entries = entriesOf(plan.steps);
  return {
    parameters: plan.params.map(({ name, shape }) => ({
      name,
      id: identifier(name),
      elements: shape.reduce((a, b) => a * b, 1),
    })),
    values: places.map(({ name, place, at }) => ({ name, id: identifier(name), place, at })),
    placeNames: [
      ...(state === null ? (["weights"] as const) : (["packed", "param", "gradient"] as const)),
      ...(["workspace", "counters"] as const),
      ...(plan.fixedArenas.length === 0 ? [] : (["fixed"] as const)),
      "port" as const,
    ] satisfies readonly PlaceName[],
    learned: state !== null,
    weightBytes: state === null ? plan.weightBytes : end(places.filter(({ place }) => place === "packed")),
    ...workspaceOf(plan),
    kept: places.filter(({ buffer }) => buffer.role === "param").map(({ name }) => ({ id: identifier(name) })),
    setup: packings(plan),
    bare: hasBare(plan),
    operandCount,
    steps: plan.steps.map(({ name, operands }, i) => ({
      name,
      entry: entries[i],
      operands: Array.from({ length: operandCount }, (_, i) =>
        operands[i] === undefined ? "-1" : `value::${identifier(operands[i].value)}`,
      ).join(", "),
    })),
    batchMin: plan.batch.min,
    batchMax: plan.batch.max,
    ports: portsOf(plan),
    portCount: places.filter(({ place }) => place === "port").length,
  };
}

/** Bytes of a workspace: of each image, whatever the batch, and of each image to count blocks with. */
export const workspaceOf = ({ arenas, fixedArenas, buffers }: Plan) => ({
  imageBytes: arenas.reduce((a, b) => a + b, 0),
  fixedBytes: fixedArenas.reduce((a, b) => a + b, 0),
  counterBytes: [...buffers.values()].reduce((sum, of) => sum + (of.role === "counters" ? bytesOf(of) : 0), 0),
});

/** The kernel of each step, by its name in C. */
export function entriesOf(steps: readonly Step[]): readonly string[] {
  const { kernels, ofStep } = distinctKernels(steps);
  return ofStep.map(kernel => identifier((kernels[kernel] as Step).name));
}

/** What is packed, as a table has it, in the order of the setup. */
export function packings(plan: Plan) {
  const read = plan.steps.flatMap(({ kind, operands }) => operands.map(of => ({ ...of, kind })));
  /** What products read in their own type. */
  const stored = new Set(
    read.filter(of => products.has(of.kind) && of.storage === plan.precision).map(({ value }) => value),
  );
  return plan.setup.map(step => packingContext(step, stored, hasTurned(plan)));
}

/** A layer's weight and bias, packed; in the type of products if it is one's, else in f32. */
function packingContext(step: Step, stored: ReadonlySet<ValueId>, turns: boolean) {
  invariant(step.kind === "pack", `'${step.name}' is no packing`);
  const { columns, channels, taps, packed, fold, bare, turned } = step.params;
  const named = (role: string): ValueId => valueBy(step, role) ?? "";
  const parameter = (role: string): string => `parameter::${identifier(named(role))}`;
  const shape = [
    columns,
    channels,
    taps,
    packed.segment ?? 0,
    packed.depth,
    packed.columns,
    stored.has(named("packed")),
    ...(turns ? [`packing::Turn::${turned ?? "none"}`] : []),
  ];
  const steps = fold.map(({ op, by }) => `{Op::${packingOps[op]}, ${parameter(by)}}`);
  return {
    layer: `{{${shape.join(", ")}}, ${parameter("weight")}, ${bare || turned ? "-1" : parameter("bias")}, {${steps.join(", ")}}}`,
    packed: identifier(named("packed")),
    packedBias: identifier(named("packed_bias")),
  };
}

/** Whether a layer has no bias of its own, or is packed without it. */
export const hasBare = (plan: Plan): boolean =>
  hasTurned(plan) || plan.setup.some(step => step.kind === "pack" && step.params.bare === true);

/** Whether weights are packed for gradients to come back through. */
export const hasTurned = ({ setup }: Plan): boolean =>
  setup.some(step => step.kind === "pack" && step.params.turned !== undefined);

const packingOps: Readonly<Record<FoldOp, string>> = {
  scaleInputs: "scale_inputs",
  scaleOutputs: "scale_outputs",
  scaleBias: "scale_bias",
  biasThrough: "bias_through",
};

/** Steps of the layer with most; an array in C has at least one. */
export const mostSteps = ({ setup }: Plan): number =>
  Math.max(1, ...setup.map(step => (step.kind === "pack" ? step.params.fold.length : 0)));

const products: ReadonlySet<Step["kind"]> = new Set(["gemm", "mlp", "downsample", "gemv"]);

type PlaceName = "weights" | "packed" | "param" | "gradient" | "workspace" | "counters" | "fixed" | "port";

interface Placed {
  readonly name: ValueId;
  readonly buffer: Buffer;
  readonly place: PlaceName;
  readonly at: number;
}

/** Where every value lies that a launch touches: ports, weights in their order, counters, and scratch as it is written. */
function placesOf(plan: Plan, state: TrainerState | null): readonly Placed[] {
  const all = [...plan.buffers.values()];
  const gradients = new Map([...(state?.learned.values() ?? [])].map(({ gradient, place }) => [gradient, 4 * place]));
  const ports = [...plan.inputs, ...plan.outputs]
    .filter(({ buffer }) => !gradients.has(buffer))
    .map(({ buffer }, at): Placed => ({ name: buffer, buffer: plan.buffers.get(buffer) as Buffer, place: "port", at }));
  const placed = (buffers: readonly Buffer[], place: Placed["place"]) =>
    buffers.map((buffer): Placed => ({ name: buffer.name, buffer, place, at: buffer.slot?.offset ?? 0 }));
  const weights = all
    .filter(({ slot }) => slot?.arena === "weights")
    .sort((a, b) => (a.slot?.offset ?? 0) - (b.slot?.offset ?? 0));
  const written = [...new Set(plan.steps.flatMap(writtenInOrder))].map(name => plan.buffers.get(name) as Buffer);
  return [
    ...ports,
    ...(state === null ? placed(weights, "weights") : inState(weights, state)),
    ...[...gradients].map(([name, at]): Placed => {
      return { name, buffer: plan.buffers.get(name) as Buffer, place: "gradient", at };
    }),
    ...placed(
      all.filter(({ role }) => role === "counters"),
      "counters",
    ),
    ...placed(
      written.filter(({ role, perImage }) => role === "scratch" && perImage),
      "workspace",
    ),
    ...placed(
      written.filter(({ role, perImage }) => role === "scratch" && !perImage),
      "fixed",
    ),
  ];
}

/** Parameters that kernels read as they are lie with all others; what is packed lies side by side. */
function inState(weights: readonly Buffer[], { learned }: TrainerState): readonly Placed[] {
  const isParam = ({ role }: Buffer) => role === "param";
  const params = weights.filter(isParam).map((buffer): Placed => {
    const place = learned.get(buffer.name)?.place;
    invariant(place !== undefined, `nothing is learned of '${buffer.name}'`);
    return { name: buffer.name, buffer, place: "param", at: 4 * place };
  });
  const packed: Placed[] = [];
  for (const buffer of weights.filter(of => !isParam(of)))
    packed.push({ name: buffer.name, buffer, place: "packed", at: end(packed) });
  return [...params, ...packed];
}

/** Where the next value may begin. */
function end(placed: readonly Placed[]): number {
  const last = placed.at(-1);
  return last === undefined ? 0 : roundUp(last.at + bytesOf(last.buffer), alignment);
}

/** What a step writes, by name. */
const writtenInOrder = (step: Step): readonly ValueId[] => [...valuesOf(step, "write")].sort();
