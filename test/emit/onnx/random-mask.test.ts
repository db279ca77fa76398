import { expect, onTestFinished, test } from "vitest";
import { loadOnnxCodec, type OnnxAttribute, type OnnxNode, type OnnxTensor } from "../../../src/emit/onnx-proto.ts";
import { openOnnx } from "../../../src/node/executors/onnx.ts";
import { randomMask } from "../../../src/runtime/mask.ts";

const [images, patches, keep] = [3, 49, 19];
const seedsAtOnce = 100;

/**
 * `randomMask` once more, in int64: from `seed`, whose halves of 16 bits are floats [S,2], to `mask`
 * [S·images,patches]. Products of 32 bits are taken in halves, so that nothing overflows.
 */
async function drawing(): Promise<Uint8Array> {
  const { encodeModel } = await loadOnnxCodec();
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const op = (op: string, inputs: readonly string[], ...attributes: readonly OnnxAttribute[]): string => {
    const name = `${op}.${nodes.length}`;
    nodes.push({ name, op, inputs, outputs: [name], attributes });
    return name;
  };
  const constant = (shape: readonly number[], ...values: readonly number[]): string => {
    const name = `const.${initializers.length}`;
    const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    initializers.push({ name, dtype: "i64", shape, data });
    return name;
  };
  const number = (value: number): string => constant([], value);
  const range = (shape: readonly number[], length: number): string =>
    constant(shape, ...Array.from({ length }, (_, i) => i));
  const low32 = (x: string): string => op("Mod", [x, number(2 ** 32)]);
  const shiftedXor = (x: string, bits: number): string => op("BitwiseXor", [x, op("Div", [x, number(2 ** bits)])]);
  const times = (x: string, factor: number): string => {
    const high = op("Mod", [op("Mul", [x, number(factor >>> 16)]), number(2 ** 16)]);
    const low = op("Mul", [x, number(factor & 0xffff)]);
    return low32(op("Add", [low, op("Mul", [high, number(2 ** 16)])]));
  };
  const mix = (x: string): string =>
    shiftedXor(times(shiftedXor(times(shiftedXor(low32(x), 16), 0x7feb352d), 15), 0x846ca68b), 16);

  const halves = op("Cast", ["seed"], { name: "to", kind: "int", value: 7 });
  const weighted = op("Mul", [halves, constant([2], 2 ** 16, 1)]);
  const seed = op("ReduceSum", [weighted, constant([1], 1)], { name: "keepdims", kind: "int", value: 1 });
  const seeds = op("Reshape", [seed, constant([3], -1, 1, 1)]);
  const ofImage = op("Add", [mix(seeds), range([images, 1], images)]);
  const drawn = mix(op("Add", [mix(ofImage), range([patches], patches)]));
  // Of equal numbers the earlier patch stays: keys are made to differ.
  const keys = op("Add", [op("Mul", [drawn, number(patches)]), range([patches], patches)]);
  const column = op("Reshape", [keys, constant([3], -1, patches, 1)]);
  const row = op("Reshape", [keys, constant([3], -1, 1, patches)]);
  const smaller = op("Cast", [op("Less", [row, column])], { name: "to", kind: "int", value: 7 });
  const rank = op("ReduceSum", [smaller, constant([1], 2)], { name: "keepdims", kind: "int", value: 0 });
  const removed = op("GreaterOrEqual", [rank, number(keep)]);
  const cast: OnnxAttribute = { name: "to", kind: "int", value: 1 };
  nodes.push({ name: "mask", op: "Cast", inputs: [removed], outputs: ["mask"], attributes: [cast] });
  return encodeModel({
    irVersion: 8,
    opset: 18,
    producer: { name: "test", version: "" },
    doc: "",
    metadata: [],
    graph: {
      name: "drawing",
      doc: "",
      nodes,
      initializers,
      inputs: [{ name: "seed", dtype: "f32", shape: ["seeds", 2] }],
      outputs: [{ name: "mask", dtype: "f32", shape: ["masks", patches] }],
      values: [],
    },
  });
}

test("an ONNX graph draws the masks of 1,000 seeds that randomMask draws", async () => {
  const session = await openOnnx({ model: await drawing() }, { threads: 1 });
  if (!session.ok) throw new Error(session.diagnostics[0]?.message);
  onTestFinished(() => session.value.close());
  for (let start = 0; start < 1000; start += seedsAtOnce) {
    // Small seeds, and all over the range.
    const seeds = Array.from({ length: seedsAtOnce }, (_, i) =>
      start < 500 ? start + i : Math.imul(start + i, 0x9e3779b1) >>> 0,
    );
    const data = Float32Array.from(seeds.flatMap(seed => [Math.floor(seed / 2 ** 16), seed % 2 ** 16]));
    const run = await session.value.run(new Map([["seed", { shape: [seedsAtOnce, 2], data }]]));
    if (!run.ok) throw new Error(run.diagnostics[0]?.message);
    const found = run.value.outputs.get("mask")?.data ?? new Float32Array();
    expect(found.length).toBe(seedsAtOnce * images * patches);
    seeds.forEach((seed, i) => {
      const mask = found.subarray(i * images * patches, (i + 1) * images * patches);
      expect(mask, `seed ${seed}`).toEqual(randomMask(seed, { batch: images, patches, keep }));
    });
  }
});
