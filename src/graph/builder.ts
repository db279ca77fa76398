import { invariant } from "../diagnostics/invariant.ts";
import type { NormLayer } from "../model/model.ts";
import { type Draft, type Graph, type Node, nodeOf, type Output, type Place, type ValueId } from "./graph.ts";
import { typed } from "./infer.ts";
import type { Dim, OpName, Ops, RescaledBy } from "./ops.ts";

/** How much of the network a module of the official code is: a stage, a block or downsampling, or less. */
export type Extent = "stage" | "block" | "inside";

/** A value the official code gives a name to, and how the graph reads it out in the official layout. */
export interface Tap {
  readonly extent: Extent;
  readonly value: ValueId;
  /** True for values that the official modules hold as NCHW. */
  readonly channelsFirst: boolean;
  /** What hides the removed patches of a masked encoder, which its sparse code does not have; null elsewhere. */
  readonly hide: Hide | null;
}

/** Zeros at the removed patches of a map, under an id of its own. */
export type Hide = (id: ValueId, x: ValueId) => ValueId;

/** A norm over channels. */
export interface Norm {
  readonly layer: NormLayer;
  readonly eps: number;
}

/** The norms of the language that leave the mean where it is, as ops have them. */
const rescaledBy = { rmsnorm: "square", simplenorm: "deviation" } as const satisfies Readonly<
  Record<Exclude<NormLayer, "layernorm">, RescaledBy>
>;

/** Makes the nodes of a graph one after the other, each in the place that was named last. */
export interface Builder {
  /** All that follows is in that place. */
  readonly at: (place: Place) => void;
  readonly op: <K extends OpName>(op: K, id: ValueId, attrs: Ops[K], inputs: readonly ValueId[]) => ValueId;
  readonly input: (id: ValueId, shape: readonly Dim[]) => ValueId;
  readonly param: (id: ValueId, shape: readonly number[]) => ValueId;
  readonly norm: (id: ValueId, x: ValueId, dim: number, norm: Norm) => ValueId;
  readonly linear: (id: ValueId, x: ValueId, from: number, to: number) => ValueId;
  /** A weight of that shape and its bias, or zeros where it has none. */
  readonly weighted: (id: ValueId, shape: readonly number[], biased?: boolean) => readonly ValueId[];
  readonly patchConv: (
    id: ValueId,
    x: ValueId,
    weight: readonly [number, number, number, number],
    biased: boolean,
  ) => ValueId;
  /** A 2x2 convolution of stride 1, whose taps are `dilation` apart: timm's, with padding `same`. */
  readonly neighbourConv: (
    id: ValueId,
    x: ValueId,
    weight: readonly [number, number, number, number],
    dilation: number,
    biased: boolean,
  ) => ValueId;
  /** A linear layer that the official code writes as a 1x1 convolution. */
  readonly pointwise: (id: ValueId, x: ValueId, from: number, to: number) => ValueId;
  readonly tap: (name: string, value: ValueId, channelsFirst: boolean, hide?: Hide | null, extent?: Extent) => void;
  readonly output: (output: Output) => void;
  readonly taps: ReadonlyMap<string, Tap>;
  readonly finish: (name: string, taps: readonly { readonly name: string; readonly path: string }[]) => Graph;
}

export function builder(start: Place): Builder {
  const nodes = new Map<ValueId, Node>();
  const taps = new Map<string, Tap>();
  const outputs: Output[] = [];
  let place = start;
  const op: Builder["op"] = (op, id, attrs, inputs) => {
    invariant(!nodes.has(id), `'${id}' is defined twice`);
    nodes.set(id, typed({ id, op, attrs, inputs, ...place } as unknown as Draft, nodes));
    return id;
  };
  const leaf = (kind: "input" | "param") => (id: ValueId, shape: readonly Dim[]) =>
    op(kind, id, { type: { dtype: "f32", shape } }, []);
  const param = leaf("param");
  const zeros = (id: ValueId, shape: readonly number[]) =>
    op("constant", id, { value: 0, type: { dtype: "f32", shape } }, []);
  const weighted: Builder["weighted"] = (id, shape, biased = true) => [
    param(`${id}.weight`, shape),
    biased ? param(`${id}.bias`, shape.slice(0, 1)) : zeros(`${id}.zeros`, shape.slice(0, 1)),
  ];
  return {
    at: next => {
      place = next;
    },
    op,
    input: leaf("input"),
    param,
    norm: (id, x, dim, { layer, eps }) => {
      if (layer === "layernorm") return op("layernorm", id, { eps }, [x, ...weighted(id, [dim])]);
      const rescaled = op("rescale", `${id}.rescaled`, { eps, by: rescaledBy[layer] }, [x]);
      return op("scaleChannels", id, {}, [rescaled, param(`${id}.weight`, [dim])]);
    },
    linear: (id, x, from, to) => op("linear", id, {}, [x, ...weighted(id, [to, from])]),
    weighted,
    patchConv: (id, x, weight, biased) =>
      op("patchConv", id, { size: weight[2] }, [x, ...weighted(id, weight, biased)]),
    neighbourConv: (id, x, weight, dilation, biased) => {
      const near = op("neighbours", `${id}.neighbours`, { dilation }, [x]);
      return op("linear", id, {}, [near, ...weighted(id, weight, biased)]);
    },
    pointwise: (id, x, from, to) => op("linear", id, {}, [x, ...weighted(id, [to, from, 1, 1])]),
    tap: (name, value, channelsFirst, hide = null, extent = "inside") =>
      taps.set(name, { value, channelsFirst, hide, extent }),
    output: output => outputs.push(output),
    taps,
    finish: (name, wanted) => {
      /** The node of that id, made where it is not there yet. */
      const once = (id: ValueId, make: (id: ValueId) => ValueId): ValueId => (nodes.has(id) ? id : make(id));
      const tapped = wanted.map(({ name: asked, path }) => {
        const { value, channelsFirst, hide } = taps.get(path) as Tap;
        // What reads a value out is of its part, but of no block: those are the same, tapped or not.
        const { span } = start;
        const { part } = nodeOf({ nodes }, value).scope;
        place = { span, scope: { part, block: null } };
        const seen = hide ? once(`${value}.visible`, id => hide(id, value)) : value;
        const read = (id: ValueId): ValueId => op("toChannelsFirst", id, {}, [seen]);
        return { name: asked, value: channelsFirst ? once(`${asked}.nchw`, read) : seen };
      });
      return { name, nodes, outputs: [...outputs, ...tapped], groups: new Map() };
    },
  };
}
