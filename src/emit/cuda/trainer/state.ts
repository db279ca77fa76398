import { invariant } from "../../../diagnostics/invariant.ts";
import type { ValueId } from "../../../graph/graph.ts";
import { gradientName } from "../../../passes/differentiate.ts";
import type { Plan } from "../../../plan/plan.ts";
import { divideUp, roundUp } from "../../../plan/tiles/tile.ts";

/** Elements that AdamW treats alike, and at whose multiples parameters begin: 256 bytes. */
export const align = 64;

/** Squares of gradients that a block adds up. */
export const partial = 4096;

/** A parameter that is learned, and where it lies among the others, in elements. */
export interface LearnedParameter {
  readonly name: string;
  /** The value that is its gradient. */
  readonly gradient: ValueId;
  readonly elements: number;
  readonly place: number;
}

/** Gradients that lie side by side and get ready together: what an all-reduce takes at a time. */
export interface Segment {
  readonly name: string;
  /** The last step that writes or reads one of them. */
  readonly lastStep: number;
  readonly place: number;
  readonly elements: number;
}

/** Where a trainer keeps what it learns: parameters side by side, in the order in which their gradients get ready. */
export interface TrainerState {
  readonly learned: ReadonlyMap<string, LearnedParameter>;
  readonly segments: readonly Segment[];
  /** Elements of all parameters, with what lies between them. */
  readonly shelf: number;
  /** Sums of squares that the norm is made of. */
  readonly partials: number;
}

export function stateOf(plan: Plan): TrainerState {
  const last = lastTouched(plan);
  const gradients = plan.params.map(({ name, shape }) => {
    const output = plan.outputs.find(output => output.name === gradientName(name));
    invariant(output, `nothing is learned of '${name}'`);
    invariant(output.also.length === 0, `'${name}' has one gradient with '${output.also[0]}'`);
    const ready = last.get(output.buffer) ?? 0;
    return { name, ready, gradient: output.buffer, elements: shape.reduce((a, b) => a * b, 1) };
  });
  let place = 0;
  const learned = new Map<string, LearnedParameter>();
  const segments: Segment[] = [];
  const blocks = deepestStage(plan);
  for (const { ready, ...of } of gradients.toSorted((a, b) => a.ready - b.ready)) {
    learned.set(of.name, { ...of, place });
    const padded = roundUp(of.elements, align);
    const name = segmentOf(of.name, blocks);
    const open = segments.at(-1);
    if (open?.name === name) segments.pop();
    const before = open?.name === name ? open : { place, elements: 0 };
    segments.push({ name, lastStep: ready, place: before.place, elements: before.elements + padded });
    place += padded;
  }
  return { learned, segments, shelf: place, partials: divideUp(place, partial) };
}

/** The last step that writes or reads a value. */
function lastTouched({ steps }: Plan): ReadonlyMap<ValueId, number> {
  return new Map(steps.flatMap(({ operands }, i) => operands.map(({ value }) => [value, i] as const)));
}

interface Stage {
  readonly stage: string;
  readonly blocks: number;
}

const blockOf = (name: string): readonly [stage: string, block: number] | null => {
  const [, stage, block] = name.match(/^stages\.(\d+)\.(\d+)\./) ?? [];
  return stage === undefined ? null : [stage, Number(block)];
};

/** The stage with most blocks, which holds most of the parameters' time. */
function deepestStage({ params }: Plan): Stage {
  const counts = new Map<string, number>();
  for (const { name } of params) {
    const [stage, block] = blockOf(name) ?? [null, 0];
    if (stage !== null) counts.set(stage, Math.max(counts.get(stage) ?? 0, block + 1));
  }
  const [stage = "", blocks = 0] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? [];
  return { stage, blocks };
}

/** Blocks from which on a stage is two segments. */
const many = 6;

/** A stage with what comes before it, the deepest in two halves; and all that follows the stages. */
function segmentOf(name: string, deepest: Stage): string {
  const [stage, block] = blockOf(name) ?? [name.match(/^downsample_layers\.(\d+)\./)?.[1] ?? null, 0];
  if (stage === null) return "head";
  if (stage !== deepest.stage || deepest.blocks < many) return `stages.${stage}`;
  return `stages.${stage}, ${block < deepest.blocks / 2 ? "first" : "second"} half`;
}
