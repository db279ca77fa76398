import { apply, type Values } from "../../src/graph/evaluate.ts";
import type { Graph, ValueId } from "../../src/graph/graph.ts";
import { choices } from "../../src/model/choices.ts";

/** A network and all that it takes, by id; `grad.NAME` are the seeds of its outputs where it has no loss. */
export interface Scene {
  readonly network: Graph;
  readonly values: ReadonlyMap<ValueId, Values>;
}

type Known = ReadonlyMap<ValueId, Values>;

/** The values of all nodes, but for those that `given` has already. */
function evaluated({ nodes }: Graph, given: Known, isWanted: (id: ValueId, operands: readonly ValueId[]) => boolean) {
  const known = new Map(given);
  for (const node of nodes.values()) {
    if (!isWanted(node.id, node.inputs)) continue;
    known.set(
      node.id,
      apply(
        node,
        node.inputs.map(id => known.get(id) as Values),
      ),
    );
  }
  return known;
}

/** What is differentiated: the loss, or all outputs times their seeds. */
function objective({ network, values }: Scene, known: Known): number {
  const outputs = network.outputs.map(({ name, value }) => ({ name, data: (known.get(value) as Values).data }));
  const loss = outputs.find(({ name }) => name === "loss");
  if (loss !== undefined) return loss.data[0] as number;
  return outputs.reduce((sum, { name, data }) => {
    const seed = (values.get(`grad.${name}`) as Values).data;
    return data.reduce((s, v, i) => s + v * (seed[i] as number), sum);
  }, 0);
}

/** A leaf of the network with its slope along a direction, as differences of the float64 objective have it. */
export interface Slope {
  readonly id: ValueId;
  /** 1 or -1 for each value: a gradient's error shows whole in it, whichever values it is in. */
  readonly signs: readonly number[];
  readonly slope: number;
}

/** The l2 norm. */
export function normOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) ** 2;
  return Math.sqrt(sum);
}

/**
 * Slopes of the objective along random signs of each leaf, by central differences of fourth order: nothing of them comes
 * from adjoints. What does not depend on a leaf is computed once.
 */
export function slopes(scene: Scene, leaves: readonly ValueId[], seed: number): readonly Slope[] {
  const { network, values } = scene;
  const whole = evaluated(network, values, id => !values.has(id));
  const { pick } = choices(seed * 31 + 11);
  return leaves.map(id => {
    const moved = new Set([id]);
    for (const node of network.nodes.values()) if (node.inputs.some(input => moved.has(input))) moved.add(node.id);
    const { shape, data } = values.get(id) as Values;
    const signs = Array.from(data, () => pick([1, -1]));
    const step = 1e-5 * Math.sqrt((normOf(data) ** 2 + 1e-6) / data.length);
    const at = (by: number): number => {
      const leaf = { shape, data: data.map((v, i) => v + by * (signs[i] as number)) };
      return objective(
        scene,
        evaluated(network, new Map(whole).set(id, leaf), other => other !== id && moved.has(other)),
      );
    };
    return { id, signs, slope: (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step) };
  });
}

/**
 * How far a gradient is from a slope, in its own norm, less what differences in float64 cannot tell: every value rounds, which
 * shows in the objective by as much of all gradients.
 */
export function slopeError({ signs, slope }: Slope, gradient: ArrayLike<number>, whole: number): number {
  const found = signs.reduce((sum, sign, i) => sum + sign * (gradient[i] as number), 0);
  return Math.max(0, Math.abs(found - slope) - unresolved * whole) / normOf(gradient);
}

const unresolved = 5e-9;

/** As many leaves as differences are taken of in a model: a quarter of what most have, any of them. */
const leavesOfModel = 8;

export function someLeaves(leaves: readonly ValueId[], seed: number): readonly ValueId[] {
  const { int } = choices(seed * 17 + 3);
  const left = [...leaves];
  const count = Math.min(leavesOfModel, leaves.length);
  return Array.from({ length: count }, () => left.splice(int(0, left.length - 1), 1)[0] as ValueId);
}
