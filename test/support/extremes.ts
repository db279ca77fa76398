import { expect } from "vitest";
import { type Graph, resolve } from "../../src/graph/graph.ts";
import type { Model } from "../../src/model/model.ts";
import type { Weights } from "../../src/weights/tensor.ts";
import { model, testInput, testWeights } from "./models.ts";

interface Spread {
  /** RMS of the channel whose RMS is least, and of the one whose RMS is largest. */
  readonly least: number;
  readonly largest: number;
  /** The value furthest from 0. */
  readonly most: number;
}

/** A stage of one block whose hidden map, after GELU, f16 is bad at: GRN squares it and sums over all sites. */
export interface Extreme {
  readonly name: string;
  readonly side: number;
  /** What the rows of the first linear layer are multiplied by; the columns of the second are divided by it. */
  readonly scale: (channel: number) => number;
  /** What the map that the block is added to is multiplied by. */
  readonly stream?: (channel: number) => number;
  readonly image?: (value: number, index: number, side: number) => number;
  readonly expected: (spread: Spread) => void;
}

const dim = 32;
const ratio = 4;
/** Where the hidden map is tapped. */
export const hidden = "stages.0.0.act";

/** RMS from 1 to 200, evenly over the logarithm; GELU of a standard normal value has RMS 0.65. */
const ramp = (channel: number): number => 1.6 * 220 ** (channel / (dim * ratio - 1));

const extremes56: readonly Extreme[] = [
  {
    name: "R34: channels of RMS 1 to 200",
    side: 56,
    scale: ramp,
    expected: ({ least, largest }) => {
      expect(least).toBeLessThan(1.5);
      expect(largest).toBeGreaterThan(200);
    },
  },
  {
    name: "single values of 300",
    side: 56,
    scale: channel => (channel % 8 === 0 ? 90 : 1),
    image: (value, index, side) => (index % (side * side) === 100 ? 300 : value),
    expected: ({ most }) => expect(most).toBeGreaterThan(300),
  },
  {
    name: "R32: a channel that is 0",
    side: 56,
    scale: channel => (channel === 7 ? 0 : 1),
    expected: ({ least }) => expect(least).toBe(0),
  },
  {
    name: "R33: every channel 0",
    side: 56,
    scale: () => 0,
    expected: ({ largest }) => expect(largest).toBe(0),
  },
  {
    name: "R37: values of 1e-4",
    side: 56,
    scale: () => 1e-4,
    expected: ({ most }) => expect(most).toBeLessThan(5e-4),
  },
  {
    name: "a stream of channels of 1 to 200",
    side: 56,
    scale: () => 1,
    stream: channel => 200 ** (channel / (dim - 1)),
    expected: ({ largest }) => expect(largest).toBeLessThan(10),
  },
  {
    name: "R36: a constant image",
    side: 56,
    scale: () => 1,
    image: () => 0.7,
    expected: ({ largest }) => expect(largest).toBeLessThan(10),
  },
  {
    name: "an image of zeros",
    side: 56,
    scale: () => 1,
    image: () => 0,
    expected: ({ largest }) => expect(largest).toBeLessThan(10),
  },
];
const larger = extremes56
  .filter(({ name }) => /RMS|single|constant/.test(name))
  .map(extreme => ({ ...extreme, name: `${extreme.name}, 96x96`, side: 96 }));

export const extremes: readonly Extreme[] = [...extremes56, ...larger];

export const modelOf = ({ side }: Extreme): Model =>
  model({
    depths: [1],
    dims: [dim],
    input: { height: side, width: side, channels: 3 },
    stem: { patch: 1 },
    mlpRatio: ratio,
    head: { kind: "features", levels: [1], norm: false },
  });

export function weightsOf({ scale, stream = () => 1 }: Extreme, graph: Graph): Weights {
  const base = testWeights(graph, 3);
  const lengths = new Map([...graph.nodes.values()].map(({ id, type }) => [id, resolve(type.shape, 1)]));
  const divided = (channel: number): number => 1 / (scale(channel) || 1);
  const rows: Readonly<Record<string, (index: number, shape: readonly number[]) => number>> = {
    "stages.0.0.pwconv1.weight": (index, [, columns = 1]) => scale(Math.floor(index / columns)),
    "stages.0.0.pwconv1.bias": index => scale(index),
    "stages.0.0.grn.beta": index => scale(index),
    "stages.0.0.pwconv2.weight": (index, [, columns = 1]) => divided(index % columns),
    "downsample_layers.0.1.weight": index => stream(index),
  };
  return {
    origin: base.origin,
    f32: async name => {
      const factor = rows[name];
      const values = await base.f32(name);
      return factor === undefined ? values : values.map((value, i) => value * factor(i, lengths.get(name) ?? []));
    },
  };
}

export function imageOf(extreme: Extreme): Float32Array {
  const { side, image = value => value } = extreme;
  return testInput(modelOf(extreme), 1, 4).map((value, i) => image(value, i, side));
}
