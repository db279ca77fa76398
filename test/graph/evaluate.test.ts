import { describe, expect, test } from "vitest";
import { apply, evaluate, type Values } from "../../src/graph/evaluate.ts";
import { erf } from "../../src/graph/gelu.ts";
import type { Node } from "../../src/graph/graph.ts";
import type { OpName, Ops } from "../../src/graph/ops.ts";
import { read } from "../../src/graph/read.ts";
import { choices } from "../../src/model/choices.ts";
import { relL2 } from "../support/tolerance.ts";

const values = (shape: readonly number[], ...data: readonly number[]): Values => ({
  shape,
  data: Float64Array.from(data),
});
const { int } = choices(5);
/** Numbers that tell every place from every other. */
const random = (...shape: readonly number[]): Values =>
  values(shape, ...Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => int(-1000, 1000) / 100));
const op = <K extends OpName>(op: K, attrs: Ops[K], ...operands: readonly Values[]): Values =>
  apply({ op, id: "v", attrs, inputs: [] } as unknown as Node, operands);
const numbers = ({ data }: Values): readonly number[] => [...data];

describe("one op, worked out by hand", () => {
  test("toChannelsLast and toChannelsFirst turn each other round", () => {
    const x = values([2, 2, 1, 3], 1, 2, 3, 10, 20, 30, 4, 5, 6, 40, 50, 60);
    const last = op("toChannelsLast", {}, x);
    expect(last).toEqual(values([2, 1, 3, 2], 1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60));
    expect(op("toChannelsFirst", {}, last)).toEqual(x);
  });

  test("patchConv takes each patch once", () => {
    const x = values([1, 2, 4, 1], 1, 2, 3, 4, 5, 6, 7, 8);
    const w = values([2, 1, 2, 2], 1, 10, 100, 1000, 0, 0, 0, 1);
    expect(op("patchConv", { size: 2 }, x, w, values([2], 0.5, -1))).toEqual(
      values([1, 1, 2, 2], 1 + 20 + 500 + 6000 + 0.5, 5, 3 + 40 + 700 + 8000 + 0.5, 7),
    );
  });

  test("patchConv leaves out what its patches do not cover", () => {
    const x = values([1, 3, 5, 1], 1, 2, 3, 4, 90, 5, 6, 7, 8, 91, 92, 93, 94, 95, 96);
    const w = values([1, 1, 2, 2], 1, 10, 100, 1000);
    expect(op("patchConv", { size: 2 }, x, w, values([1], 0))).toEqual(values([1, 1, 2, 1], 6521, 8743));
    const d = values([1, 1, 2, 1], 1, 10);
    expect(op("patchConvWeightGrad", { size: 2 }, d, x)).toEqual(values([1, 1, 2, 2], 31, 42, 75, 86));
    expect(op("padSites", { height: 2, width: 3 }, d)).toEqual(values([1, 2, 3, 1], 1, 10, 0, 0, 0, 0));
  });

  test("taps that are apart are those of a larger kernel with zeros between them", () => {
    const [x, w, b] = [random(2, 7, 6, 2), random(2, 1, 3, 3), random(2)];
    for (const dilation of [1, 2, 3]) {
      const side = 2 * dilation + 1;
      const wide = values([2, 1, side, side], ...Array.from({ length: 2 * side * side }, () => 0));
      w.data.forEach((value, i) => {
        const [c, row, column] = [Math.floor(i / 9), Math.floor((i % 9) / 3), i % 3];
        wide.data[(c * side + row * dilation) * side + column * dilation] = value;
      });
      expect(op("depthwise", { kernel: 3, dilation }, x, w, b)).toEqual(op("depthwise", { kernel: side }, x, wide, b));
    }
  });

  test("neighbours are a site and those behind it, or those around it", () => {
    const x = values([1, 2, 2, 1], 1, 2, 3, 4);
    expect(op("neighbours", { dilation: 1 }, x)).toEqual(
      values([1, 2, 2, 4], 1, 2, 3, 4, 2, 0, 4, 0, 3, 4, 0, 0, 4, 0, 0, 0),
    );
    const wide = values([1, 3, 3, 1], 1, 2, 3, 4, 5, 6, 7, 8, 9);
    const around = op("neighbours", { dilation: 2 }, wide);
    expect([...around.data.slice(0, 8)]).toEqual([0, 0, 0, 5, 0, 0, 4, 6]);
    expect([...around.data.slice(16, 20)]).toEqual([1, 3, 7, 9]);
  });

  test.each([1, 2, 3])("neighbourSum gives back what neighbours took, %i apart", dilation => {
    const [x, d] = [random(2, 4, 5, 3), random(2, 4, 5, 12)];
    const product = (a: Values, b: Values) => a.data.reduce((sum, value, i) => sum + value * (b.data[i] as number), 0);
    const [there, back] = [op("neighbours", { dilation }, x), op("neighbourSum", { dilation }, d)];
    expect(product(there, d)).toBeCloseTo(product(x, back), 8);
  });

  test("patchConv of two images, two channels and two rows of patches", () => {
    const x = values([2, 2, 1, 2], 1, 2, 3, 4, 5, 6, 7, 8);
    const w = values([2, 2, 1, 1], 1, 10, 100, 1000);
    expect(op("patchConv", { size: 1 }, x, w, values([2], 0, 0))).toEqual(
      values([2, 2, 1, 2], 21, 2100, 43, 4300, 65, 6500, 87, 8700),
    );
  });

  test("depthwise has zeros around the map, and a channel sees its own alone", () => {
    const x = values([1, 1, 3, 2], 1, 10, 2, 20, 3, 30);
    const w = values([2, 1, 3, 3], 9, 9, 9, 1, 2, 3, 9, 9, 9, 0, 0, 0, 0, 1, 0, 0, 0, 0);
    expect(op("depthwise", { kernel: 3 }, x, w, values([2], 100, 0))).toEqual(
      values([1, 1, 3, 2], 108, 10, 114, 20, 108, 30),
    );
    const tall = values([1, 3, 1, 1], 1, 2, 3);
    const down = values([1, 1, 3, 3], 9, 1, 9, 9, 2, 9, 9, 3, 9);
    expect(numbers(op("depthwise", { kernel: 3 }, tall, down, values([1], 0)))).toEqual([8, 14, 8]);
  });

  test("linear is x·wᵀ + b for every row", () => {
    const w = values([3, 2], 1, 0, 0, 1, 1, 1);
    expect(op("linear", {}, values([2, 1, 2], 1, 2, 3, 4), w, values([3], 10, 20, 30))).toEqual(
      values([2, 1, 3], 11, 22, 33, 13, 24, 37),
    );
  });

  test("normalize and layernorm have the biased variance, standardize the unbiased one, and eps under the root", () => {
    const x = values([2, 1, 2], 1, 5, 7, 7);
    expect(numbers(op("normalize", { eps: 5 }, x))).toEqual([-2 / 3, 2 / 3, 0, 0]);
    expect(numbers(op("layernorm", { eps: 5 }, x, values([2], 3, 6), values([2], 1, 2)))).toEqual([-1, 6, 1, 2]);
    expect(numbers(op("standardize", { eps: 8 }, x))).toEqual([-2 / 4, 2 / 4, 0, 0]);
  });

  test("grn is γ·(x·Nx) + β + x, over one image or the whole batch", () => {
    const x = values([2, 1, 2, 2], 3, 0, 4, 6, 0, 8, 12, 0);
    const [gamma, beta] = [values([1, 1, 1, 2], 2, 10), values([1, 1, 1, 2], 100, 200)];
    // Norms of the channels 5 and 6, then 12 and 8; of both images 13 and 10.
    const scale = (g: readonly [number, number], c: 0 | 1) => 1 + ((c === 0 ? 2 : 10) * g[c]) / ((g[0] + g[1]) / 2 + 1);
    const expected = (over: readonly (readonly [number, number])[]) =>
      numbers(x).map((v, i) => {
        const c = i % 2 === 0 ? 0 : 1;
        return v * scale(over[Math.floor(i / 4)] as readonly [number, number], c) + (c === 0 ? 100 : 200);
      });
    const sample = expected([
      [5, 6],
      [12, 8],
    ]);
    const batch = expected([
      [13, 10],
      [13, 10],
    ]);
    numbers(op("grn", { eps: 1, over: "sample" }, x, gamma, beta)).forEach((v, i) => {
      expect(v).toBeCloseTo(sample[i] as number, 12);
    });
    numbers(op("grn", { eps: 1, over: "batch" }, x, gamma, beta)).forEach((v, i) => {
      expect(v).toBeCloseTo(batch[i] as number, 12);
    });
    expect(op("sumSquares", { over: "sample" }, x)).toEqual(values([2, 2], 25, 36, 144, 64));
    expect(op("sumSquares", { over: "batch" }, x)).toEqual(values([2], 169, 100));
    const scales = op("grnScale", { eps: 1 }, values([2, 2], 25, 36, 144, 64), gamma);
    expect(scales.shape).toEqual([2, 2]);
    expect(numbers(scales)[2]).toBeCloseTo(scale([12, 8], 0), 12);
    expect(op("scaleChannels", {}, x, values([2, 2], 1, 2, 3, 4))).toEqual(values(x.shape, 3, 0, 4, 12, 0, 32, 36, 0));
    expect(op("scaleChannels", {}, x, values([2], 1, 2))).toEqual(values(x.shape, 3, 0, 4, 12, 0, 16, 12, 0));
    expect(op("shiftChannels", {}, x, values([2], 1, 2))).toEqual(values(x.shape, 4, 2, 5, 8, 1, 10, 13, 2));
  });

  test("add, meanSites and averagePool", () => {
    const x = values([1, 2, 4, 1], 1, 2, 3, 4, 5, 6, 7, 8);
    expect(numbers(op("add", {}, x, x))).toEqual([2, 4, 6, 8, 10, 12, 14, 16]);
    expect(op("meanSites", {}, values([2, 2, 1, 2], 1, 2, 3, 6, 5, 0, 7, 2))).toEqual(values([2, 2], 2, 4, 6, 1));
    expect(op("meanSites", {}, values([1, 2, 3, 1], 1, 2, 3, 4, 5, 9))).toEqual(values([1, 1], 4));
    expect(op("averagePool", { size: 2 }, x)).toEqual(values([1, 1, 2, 1], 3.5, 5.5));
  });

  test("patchify has a patch's pixels row by row, each with its channels", () => {
    const x = values([1, 2, 2, 4], 0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17);
    expect(op("patchify", { size: 2 }, x)).toEqual(
      values([1, 1, 2, 8], 0, 10, 1, 11, 4, 14, 5, 15, 2, 12, 3, 13, 6, 16, 7, 17),
    );
  });

  test("siteError is the mean square of a site, maskedMean of what is removed alone", () => {
    const [x, y] = [values([1, 1, 2, 2], 1, 2, 3, 4), values([1, 1, 2, 2], 0, 4, 3, 0)];
    expect(op("siteError", {}, x, y)).toEqual(values([1, 2], 2.5, 8));
    expect(op("maskedMean", {}, values([2, 2], 1, 2, 3, 4), values([2, 2], 1, 0, 1, 1))).toEqual(values([1], 8 / 3));
  });

  test("weights are scaled by input and by output channel, and carry a vector into the bias", () => {
    const w = values([2, 2, 1, 2], 1, 2, 3, 4, 5, 6, 7, 8);
    expect(numbers(op("scaleInputs", {}, w, values([2], 10, 100)))).toEqual([10, 20, 300, 400, 50, 60, 700, 800]);
    expect(numbers(op("scaleOutputs", {}, w, values([2], 10, 100)))).toEqual([10, 20, 30, 40, 500, 600, 700, 800]);
    expect(op("biasThrough", {}, values([2], 1000, 2000), w, values([2], 10, 1))).toEqual(values([2], 1037, 2125));
  });

  test("SiLU and ReLU are forms of it", () => {
    const x = values([3], -1, 0, 2);
    numbers(op("gelu", { form: "silu" }, x)).forEach((v, i) => {
      expect(v).toBeCloseTo([-0.2689414213699951, 0, 1.7615941559557649][i] as number, 15);
    });
    expect(numbers(op("gelu", { form: "relu" }, x))).toEqual([0, 0, 2]);
  });

  test("conv pads with zeros and takes every second site; unfold has what is under its taps, channel by channel", () => {
    const x = values([1, 2, 3, 2], 1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60);
    // Of channel 0 the tap in the middle, of channel 1 that below it and to the right.
    const w = values([1, 2, 3, 3], ...[0, 0, 0, 0, 1, 0, 0, 0, 0], ...[0, 0, 0, 0, 0, 0, 0, 0, 1]);
    expect(op("conv", { kernel: 3, stride: 2 }, x, w, values([1], 0.5))).toEqual(
      values([1, 1, 2, 1], 1 + 50 + 0.5, 3 + 0.5),
    );
    expect(op("unfold", { kernel: 3, stride: 2 }, x)).toEqual(
      values(
        [1, 1, 2, 18],
        ...[0, 0, 0, 0, 1, 2, 0, 4, 5, 0, 0, 0, 0, 10, 20, 0, 40, 50],
        ...[0, 0, 0, 2, 3, 0, 5, 6, 0, 0, 0, 0, 20, 30, 0, 50, 60, 0],
      ),
    );
  });

  test("rescale divides by the root of the mean square, or by the deviation over n − 1", () => {
    const x = values([1, 4], 1, 2, 3, 4);
    numbers(op("rescale", { eps: 0.5, by: "square" }, x)).forEach((v, i) => {
      expect(v).toBeCloseTo((i + 1) / Math.sqrt(7.5 + 0.5), 15);
    });
    numbers(op("rescale", { eps: 0.5, by: "deviation" }, x)).forEach((v, i) => {
      expect(v).toBeCloseTo((i + 1) / Math.sqrt(5 / 3 + 0.5), 15);
    });
  });

  test("gelu in both forms", () => {
    const x = values([3], -1, 0, 2);
    // Φ(−1), Φ(2): tables of the normal distribution.
    const [low, zero, high] = numbers(op("gelu", { form: "erf" }, x));
    expect(low).toBeCloseTo(-0.15865525393145707, 15);
    expect(zero).toBeCloseTo(0, 15);
    expect(high).toBeCloseTo(2 * 0.9772498680518208, 15);
    const tanh = (v: number) => 0.5 * v * (1 + Math.tanh(0.7978845608028654 * (v + 0.044715 * v * v * v)));
    numbers(op("gelu", { form: "tanh" }, x)).forEach((v, i) => {
      expect(v).toBeCloseTo(tanh([-1, 0, 2][i] as number), 15);
    });
  });
});

// As the C library has them, on both sides of where the series ends.
test.each([
  [0.1, 0.1124629160182849],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [2, 0.9953222650189527],
  [2.49, 0.9995707121322661],
  [2.5, 0.999593047982555],
  [2.51, 0.9996142945182758],
  [3, 0.9999779095030014],
  [5, 0.9999999999984626],
  [7, 1],
])("erf(±%f) is %f", (x, expected) => {
  expect(Math.abs(erf(x) - expected)).toBeLessThan(1e-15);
  expect(erf(-x)).toBe(-erf(x));
});

describe("what is kept of a map", () => {
  // Patches of 2 by 3 sites; the first image keeps its patches 1 and 5, the second 0 and 3.
  const grid = { rows: 2, columns: 3, keep: 2 };
  const mask = values([2, 6], 1, 0, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1);
  const table = op("patchTable", grid, mask);
  const x = random(2, 4, 9, 2);
  const token = random(1, 2, 1, 1);
  const masked = op("maskSites", grid, x, mask);
  const visible = op("gatherSites", grid, x, table);
  const kept = (image: number, row: number, column: number) =>
    (image === 0 ? [1, 5] : [0, 3]).includes(3 * Math.floor(row / 2) + Math.floor(column / 3));

  test("the table has the slot of each patch and the patch of each slot", () => {
    expect(table).toEqual(values([2, 8], -1, 0, -1, -1, -1, 1, 1, 5, 0, -1, -1, 1, -1, -1, 0, 3));
    const more = values([1, 6], 0, 0, 0, 1, 1, 1);
    expect(() => op("patchTable", grid, more)).toThrow("image 0 keeps 3 patches, not 2");
  });

  test("a mask leaves zeros or the token where a patch is removed", () => {
    const filled = op("fillSites", grid, x, mask, token);
    x.data.forEach((value, i) => {
      const [c, column, row, image] = [i % 2, Math.floor(i / 2) % 9, Math.floor(i / 18) % 4, Math.floor(i / 72)];
      const here = kept(image, row, column);
      expect(masked.data[i]).toBe(here ? value : 0);
      expect(filled.data[i]).toBe(here ? value : token.data[c]);
    });
  });

  test("gathered and put back in place it is what the mask leaves", () => {
    expect(visible.shape).toEqual([2, 4, 3, 2]);
    // The first row of the first slot of the second image is the first row of its patch 0.
    expect([...visible.data.slice(24, 30)]).toEqual([...x.data.slice(72, 78)]);
    expect(op("scatterSites", grid, visible, table)).toEqual(masked);
    expect(op("scatterSites", grid, visible, table, token)).toEqual(op("fillSites", grid, x, mask, token));
  });

  test.each([3, 5, 7])("a compact %i by ? convolution is that of the masked map at its kept sites", kernel => {
    const [w, b] = [random(2, 1, kernel, kernel), random(2)];
    const compact = op("siteDepthwise", { ...grid, kernel }, visible, w, b, table);
    const whole = op("gatherSites", grid, op("depthwise", { kernel }, masked, w, b), table);
    expect(compact.shape).toEqual(whole.shape);
    expect(relL2(compact.data, whole.data)).toBeLessThan(1e-14);
  });
});

describe("a graph", () => {
  const graph = read(`graph case {
  %x = input() : f32[N, 2]
  %b = param() : f32[2]
  %y = shiftChannels(%x, %b) : f32[N, 2]
  %z = add(%y, %x) : f32[N, 2]
  return z: %z, y: %y
}`);

  test("gives its outputs by name, those in the middle too", () => {
    const found = evaluate(
      graph,
      new Map([
        ["x", values([2, 2], 1, 2, 3, 4)],
        ["b", values([2], 10, 20)],
      ]),
    );
    expect([...found.keys()]).toEqual(["z", "y"]);
    expect(found.get("z")).toEqual(values([2, 2], 12, 24, 16, 28));
    expect(found.get("y")).toEqual(values([2, 2], 11, 22, 13, 24));
  });

  test("counts the operands of an op", () => {
    expect(() => op("add", {}, values([1], 1))).toThrow("takes 2 operands");
  });

  test("asks for all its inputs and parameters", () => {
    expect(() => evaluate(graph, new Map([["x", values([1, 2], 1, 2)]]))).toThrow("no values for 'b'");
  });
});
