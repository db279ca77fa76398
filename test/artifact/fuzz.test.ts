import { expect, test } from "vitest";
import { readOnnx } from "../../src/artifact/onnx-model.ts";
import { loadOnnxCodec } from "../../src/emit/onnx-proto.ts";
import { memorySource } from "../../src/weights/formats/source.ts";
import { compiledBytes } from "../emit/onnx/compiled.ts";
import { full } from "../support/full.ts";
import { model, mustBuild, testWeights } from "../support/models.ts";
import { mutated, numbers } from "../support/mutate.ts";

const small = model({});
const graph = mustBuild(small);
const { model: good } = await compiledBytes({ model: small, graph, weights: testWeights(graph, 3), limit: 0 });
const { decodeModel } = await loadOnnxCodec();

/** Tags of every wire type, lengths and numbers at their limits, and names that mean something in the file. */
const tokens = [
  ...[0x00, 0x08, 0x0a, 0x0b, 0x0c, 0x0d, 0x12, 0x1a, 0x22, 0x2a, 0x3a, 0x42, 0x4a, 0x6a, 0x70, 0x7f].map(tag => [tag]),
  [0x80, 0x80, 0x80, 0x80, 0x08],
  [...new Array(9).fill(0xff), 0x01],
  new Array(11).fill(0xff),
  [0x08, 0x00],
  [0x12, 0x01, 0x00],
  [0xc2, 0x80],
  [0xed, 0xa0, 0x80],
  ...["", "Conv", "MatMul", "Reshape", "location", "../x", "-4", "batch", "logits", "group", "perm"].map(text => {
    const bytes = new TextEncoder().encode(text);
    return [bytes.length, ...bytes];
  }),
];

const rounds = full ? 200_000 : 2_000;

test(`O20: ${rounds} broken ONNX files: an answer for each, and none that protobuf reads otherwise`, {
  timeout: 900_000,
}, async () => {
  const below = numbers(20_261_126);
  const kinds = new Map<string, number>();
  let accepted = 0;
  for (let round = 0; round < rounds; round++) {
    const bytes = mutated(good, tokens, below);
    const read = await readOnnx(memorySource("fuzz", bytes));
    for (const { place, code } of read.diagnostics) {
      const offset = place !== null && "file" in place ? (place.offset ?? 0) : -1;
      if (offset < 0 || offset >= Math.max(1, bytes.length)) throw new Error(`${round}: ${code} at ${offset}`);
      kinds.set(code, (kinds.get(code) ?? 0) + 1);
    }
    if (!read.ok) continue;
    accepted++;
    const { graph, opset } = decodeModel(bytes);
    const { nodes, initializers } = graph ?? { nodes: [], initializers: [] };
    const outside = initializers.flatMap(({ data }) => (data !== null && "location" in data ? [data] : []));
    expect({ opset, nodes: nodes.length, initializers: initializers.length }).toEqual({
      opset: read.value.opset,
      nodes: read.value.nodes,
      initializers: read.value.initializers,
    });
    // What names a file is what decides where one would be read.
    expect(read.value.external.map(({ location }) => location)).toEqual(outside.map(({ location }) => location));
  }
  // Enough survive, and of every kind, to show that the mutations are not all of one.
  expect(accepted).toBeGreaterThan(rounds / 100);
  for (const code of ["onnx-wire", "onnx-foreign", "onnx-graph", "onnx-data", "onnx-shape"])
    expect(kinds.get(code), code).toBeGreaterThan(0);
});
