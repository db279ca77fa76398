import type { Values } from "../../graph/evaluate.ts";
import { elements as elementsOf, type Node, resolve, type ValueId } from "../../graph/graph.ts";
import type { Computed, Writer } from "./writer.ts";

const at = (data: Float64Array, index: number): number => data[index] as number;
const shapeOf = (w: Writer, id: ValueId): readonly number[] => resolve(w.node(id).type.shape, 0);

/** Numbers that the emitter works out, named after what they are. */
export const floats = (w: Writer, name: string, shape: readonly number[], values: ArrayLike<number>): string =>
  w.initializer({
    kind: "literal",
    name: `const/${name}`,
    shape,
    data: values instanceof Float32Array ? values : Float32Array.from(values),
  });

export const scalar = (w: Writer, value: number): string => floats(w, `${value}`, [], [value]);

/** One integer that is no list: an axis. */
export const index = (w: Writer, value: number): string =>
  w.initializer({ kind: "literal", name: `const/index.${value}`, shape: [], data: BigInt64Array.of(BigInt(value)) });

/** A list of integers: a shape or axes. 0 in a shape keeps the input's length there, so the batch stays a symbol. */
export const integers = (w: Writer, ...values: readonly number[]): string =>
  w.initializer({
    kind: "literal",
    name: values.length === 1 ? `const/[${values}]` : `const/${values.join(",")}`,
    shape: [values.length],
    data: BigInt64Array.from(values, BigInt),
  });

export const computed = (
  w: Writer,
  name: string,
  shape: readonly number[],
  from: readonly ValueId[],
  map: (...values: Values[]) => Float64Array,
): string => {
  const compute: Computed["compute"] = async read => {
    const values: Values[] = [];
    for (const id of from) values.push(await read(id));
    return Float32Array.from(map(...values));
  };
  return w.initializer({ kind: "computed", name, shape, param: paramOf(w, from.at(-1) ?? name), compute });
};

/** The checkpoint's tensor in what passes have folded: the first operand of every fold, where that is no constant. */
function paramOf(w: Writer, id: ValueId): ValueId {
  const { inputs } = w.node(id);
  const from = inputs.find(input => w.node(input).op !== "constant");
  return from === undefined ? id : paramOf(w, from);
}

/** As the checkpoint has it, or as the passes have folded it. */
export const asIs = (w: Writer, id: ValueId): string => computed(w, id, shapeOf(w, id), [id], x => x.data);

/** A vector, whatever spelling the checkpoint has for it: GRN's are [1,1,1,C]. */
export const vector = (w: Writer, id: ValueId): string =>
  computed(w, id, [elementsOf(w.node(id).type)], [id], x => x.data);

/** A matrix [O,I] as [I,O], the way MatMul takes it. */
export function transposed(w: Writer, id: ValueId): string {
  const [o, i] = shapeOf(w, id) as [number, number];
  return computed(w, `${id}/transposed`, [i, o], [id], ({ data }) => {
    const out = new Float64Array(data.length);
    for (let row = 0; row < o; row++) for (let k = 0; k < i; k++) out[k * o + row] = at(data, row * i + k);
    return out;
  });
}

/**
 * The weight [O,I,s,s] of a convolution or [O,I] of a linear layer whose input n is a bare LayerNorm, as the matrix
 * [s·s·I,O] that also adds the bias b, so that no pass over the output is spent on it.
 *
 * The values of n sum to 0 over a site's channels. So a constant may be taken off each row of the weight without
 * changing w·n, and where LayerNorm gives n + 1 instead of n, a row that sums to b adds b:
 *
 *   (w − mean(w) + b/I)·(n + 1) = w·n + b
 */
export function carryingBias(w: Writer, weight: ValueId, bias: ValueId): string {
  const [o, i, s = 1] = shapeOf(w, weight) as [number, number, number?];
  const places = s * s;
  return computed(w, `${weight}/carrying-bias`, [places * i, o], [bias, weight], (b, { data }) => {
    const out = new Float64Array(data.length);
    for (let row = 0; row < o; row++)
      for (let place = 0; place < places; place++) {
        const from = (k: number): number => at(data, (row * i + k) * places + place);
        let mean = 0;
        for (let k = 0; k < i; k++) mean += from(k) / i;
        const shift = at(b.data, row) / (places * i) - mean;
        for (let k = 0; k < i; k++) out[(place * i + k) * o + row] = from(k) + shift;
      }
    return out;
  });
}

/** True where a linear or patch convolution reads a bare LayerNorm that gives n + 1. */
export const carriesBias = (w: Writer, node: Node): boolean => {
  const [x] = node.inputs;
  return w.carryBias && x !== undefined && w.node(x).op === "normalize";
};
