import { InternalError, invariant } from "../../../diagnostics/invariant.ts";
import type { ValueId } from "../../../graph/graph.ts";
import { layouts, type Unplaced } from "../../../plan/place.ts";
import { type BufferRole, bufferOf, type Plan, type Port, type Step, valuesOf } from "../../../plan/plan.ts";
import { verifyPlan } from "../../../plan/verify.ts";
import type { TrainerState } from "./state.ts";

/**
 * A part of a network that is called by itself, forward and backward: what an engine that shards or reduces gradients
 * takes one after the other. Between two of them lies one value, and its gradient on the way back.
 */
export interface TrainingSegment {
  readonly name: string;
  /** Parameters whose gradients it makes. */
  readonly params: readonly string[];
  /** Inputs of the model that it reads. */
  readonly inputs: readonly Port[];
  /** What the segment before gives; null for the first. */
  readonly given: ValueId | null;
  /** What it gives to the next; the loss, of the last. */
  readonly made: ValueId;
  /** Gradients of both. */
  readonly gradientOfGiven: ValueId | null;
  readonly gradientOfMade: ValueId | null;
  /** What the backward part reads of what the forward part wrote, besides `made`. */
  readonly saved: readonly ValueId[];
  /** Their ports are values of the whole plan, by the names of these. */
  readonly forward: Plan;
  readonly backward: Plan;
}

/**
 * A plan of a loss and its gradients, cut at the segments of a trainer's state. Tables of patches, which come of the mask
 * alone, are made again in each part that reads them.
 */
export function cutAtSegments(plan: Plan, state: TrainerState): readonly TrainingSegment[] {
  const { steps } = plan;
  const order = state.segments.toReversed();
  invariant(
    new Set(order.map(({ name }) => name)).size === order.length,
    "a segment's gradients do not get ready at once",
  );
  const segmentOf = (param: string): number => {
    const at = state.learned.get(param)?.place ?? -1;
    return order.findIndex(({ place, elements }) => place <= at && at < place + elements);
  };
  const tables = madeOfMasks(plan);
  const own = (from: number, to: number): readonly Step[] => steps.slice(from, to).filter(step => !tables.has(step));
  const lossStep = steps.findIndex(step => writes(step).includes(lossOf(plan)));
  const ahead = forwardCuts(plan, tables, lossStep + 1, firstStepsOf(plan, segmentOf, tables));
  const back = backwardCuts(plan, tables, lossStep + 1, order, ahead);

  return order.map(({ name }, i): TrainingSegment => {
    const [from, to, backFrom, backTo] = [ahead[i], ahead[i + 1], back[i + 1], back[i]] as const;
    invariant(from && to && backFrom && backTo, `${name} is not cut off`);
    const [forwardSteps, backwardSteps] = [own(from.at, to.at), own(backFrom.at, backTo.at)];
    const made = to.value ?? lossOf(plan);
    const readBack = new Set(backwardSteps.flatMap(reads));
    const saved = [...new Set(forwardSteps.flatMap(writes))].filter(value => readBack.has(value) && value !== made);
    const params = plan.params.map(param => param.name).filter(param => segmentOf(param) === i);
    const gradients = params.map(param => state.learned.get(param)?.gradient ?? "");
    const known = (...values: readonly (ValueId | null)[]) => values.filter(value => value !== null);
    const forward = partOf(plan, tables, forwardSteps, known(from.value), [made, ...saved]);
    const given = known(from.value, made, ...saved, backFrom.value);
    const backward = partOf(plan, tables, backwardSteps, given, known(backTo.value, ...gradients));
    const ports = new Set([...forward.inputs, ...backward.inputs].map(({ buffer }) => buffer));
    return {
      ...{ name, params, made, saved, forward, backward },
      inputs: plan.inputs.filter(({ buffer }) => ports.has(buffer)),
      given: from.value,
      gradientOfGiven: backTo.value,
      gradientOfMade: backFrom.value,
    };
  });
}

/** The step before which two parts meet, and what goes from one to the other; nothing at either end. */
interface Cut {
  readonly at: number;
  readonly value: ValueId | null;
}

const reads = (step: Step): readonly ValueId[] => valuesOf(step, "read");
const writes = (step: Step): readonly ValueId[] => valuesOf(step, "write");

/** Where each segment begins, and the end of the last: before the first step that reads a parameter of it, or a little earlier. */
function forwardCuts(
  plan: Plan,
  tables: ReadonlySet<Step>,
  end: number,
  firstSteps: readonly number[],
): readonly Cut[] {
  const cuts: Cut[] = [{ at: 0, value: null }];
  for (const first of firstSteps.slice(1)) {
    const before = cuts.at(-1)?.at ?? 0;
    const earlier = Array.from({ length: first - before }, (_, i) => first - i);
    cuts.push(firstCut(earlier, at => crossing(plan, tables, 0, at, end)));
  }
  return [...cuts, { at: end, value: null }];
}

/**
 * The same of the backward pass, by segments in the order of the forward pass: where a segment ends, and last where the
 * pass begins. It is behind the step that makes the last of its gradients, or a little later, where all that is left is the
 * gradient of what it was given.
 */
function backwardCuts(
  plan: Plan,
  tables: ReadonlySet<Step>,
  begin: number,
  order: TrainerState["segments"],
  ahead: readonly Cut[],
): readonly Cut[] {
  const end = plan.steps.length;
  const cuts = order.slice(1).map(({ lastStep }, i): Cut => {
    const given = bufferOf(plan, ahead[i + 1]?.value ?? "");
    const later = Array.from({ length: end - lastStep - 1 }, (_, i) => lastStep + 1 + i);
    return firstCut(later, at =>
      crossing(plan, tables, begin, at, end).filter((value, _, all) => {
        const { elements, storage, perImage } = bufferOf(plan, value);
        const alike = elements === given.elements && storage === given.storage && perImage === given.perImage;
        return alike || all.length > 1;
      }),
    );
  });
  return [{ at: end, value: null }, ...cuts, { at: begin, value: null }];
}

/** The first of some places at which one value goes from what is before to what is behind. */
function firstCut(places: readonly number[], across: (at: number) => readonly ValueId[]): Cut {
  for (const at of places) {
    const [value, ...others] = across(at);
    if (value !== undefined && others.length === 0) return { at, value };
  }
  throw new InternalError("segments meet nowhere in one value");
}

/** Values written before a step, from `from` on, and read by it or later, up to `to`. */
function crossing(plan: Plan, tables: ReadonlySet<Step>, from: number, at: number, to: number): readonly ValueId[] {
  const read = new Set(plan.steps.slice(at, to).flatMap(reads));
  const before = plan.steps.slice(from, at).filter(step => !tables.has(step));
  return [...new Set(before.flatMap(writes))].filter(
    value => read.has(value) && bufferOf(plan, value).role !== "counters",
  );
}

/** The one output that is no gradient. */
function lossOf({ outputs, steps }: Plan): ValueId {
  const [loss, ...others] = outputs.filter(({ name }) => !name.startsWith("grad."));
  invariant(loss && others.length === 0, `a plan of ${steps.length} steps has not one loss`);
  return loss.buffer;
}

/** Steps that need nothing but a mask: what they make is in no part's way. */
function madeOfMasks({ steps, inputs }: Plan): ReadonlySet<Step> {
  const known = new Set(inputs.filter(({ keep }) => keep !== null).map(({ buffer }) => buffer));
  const found = new Set<Step>();
  for (const step of steps) {
    const read = reads(step);
    if (!read.every(value => known.has(value))) continue;
    found.add(step);
    for (const value of writes(step)) known.add(value);
  }
  return found;
}

/** Of each segment, the first step that reads one of its parameters, as it is or packed. */
function firstStepsOf(
  { steps, setup }: Plan,
  segmentOf: (param: string) => number,
  tables: ReadonlySet<Step>,
): readonly number[] {
  const sources = new Map<ValueId, readonly ValueId[]>();
  for (const step of setup) for (const value of writes(step)) sources.set(value, reads(step));
  const first: number[] = [];
  for (const [at, step] of steps.entries())
    for (const value of tables.has(step) ? [] : reads(step))
      for (const param of sources.get(value) ?? [value]) {
        const segment = segmentOf(param);
        if (segment >= 0) first[segment] ??= at;
      }
  return first;
}

/** Some of a plan's steps, with the tables that they read, as a plan of its own: what comes in and goes out are its ports. */
function partOf(
  plan: Plan,
  tables: ReadonlySet<Step>,
  own: readonly Step[],
  given: readonly ValueId[],
  made: readonly ValueId[],
): Plan {
  const steps = [...tablesFor(own, tables), ...own];
  const read = new Set(steps.flatMap(reads));
  const setup = plan.setup.filter(step => writes(step).some(value => read.has(value)));
  const inputs = plan.inputs.filter(({ buffer }) => read.has(buffer));
  const roles = new Map<ValueId, BufferRole>([
    ...given.map(value => [value, "input"] as const),
    ...made.map(value => [value, "output"] as const),
  ]);
  const touched = new Set([...setup, ...steps].flatMap(({ operands }) => operands.map(({ value }) => value)));
  const buffers = new Map<ValueId, Unplaced>(
    [...touched].map(value => {
      const { slot: _, ...buffer } = bufferOf(plan, value);
      return [value, { ...buffer, role: roles.get(value) ?? buffer.role }];
    }),
  );
  const { slots, ...laid } = layouts.allocations({ setup, steps }, buffers);
  const port = (value: ValueId): Port => {
    const { elements, perImage } = bufferOf(plan, value);
    return { name: value, also: [], buffer: value, shape: [elements], perImage, keep: null };
  };
  const part: Plan = {
    ...plan,
    inputs: [...inputs, ...given.filter(value => read.has(value)).map(port)],
    outputs: made.map(port),
    buffers: new Map([...buffers].map(([value, buffer]) => [value, { ...buffer, slot: slots.get(value) ?? null }])),
    ...laid,
    setup,
    steps,
  };
  return verifyPlan(part, "allocations");
}

/** Tables that steps read, with those that these are made of. */
function tablesFor(steps: readonly Step[], tables: ReadonlySet<Step>): readonly Step[] {
  const needed = new Set(steps.flatMap(reads));
  const found: Step[] = [];
  for (const step of [...tables].reverse()) {
    if (!writes(step).some(value => needed.has(value))) continue;
    found.unshift(step);
    for (const value of reads(step)) needed.add(value);
  }
  return found;
}
