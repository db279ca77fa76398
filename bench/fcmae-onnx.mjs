// @ts-check
// Rows of bench/fcmae.mjs: our ONNX graph of the encoder in ONNX Runtime, against the masked encoder in PyTorch; one CPU
// thread each, in turns. Left out where python3 has no torch: apt-get install python3-torch libopenblas0.
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as readline from "node:readline";
import { median } from "./onnx.mjs";
import { python } from "./python.mjs";

const compiled = (/** @type {string} */ file) => import(path.resolve(import.meta.dirname, "../dist", file));
const script = path.join(import.meta.dirname, "fcmae_torch.py");
const rounds = { warm: 3, timed: 15 };

/** @returns {Promise<import("./onnx.mjs").Row[]>} */
export const torchRows = async () => {
  const interpreter = python();
  if (interpreter === null) {
    console.error(
      "fcmae: no python3 with torch here, its rows are left out; apt-get install python3-torch libopenblas0",
    );
    return [];
  }
  const found = [];
  for (const size of ["atto", "tiny"]) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "cnxc-bench-"));
    try {
      const [ours_ms, peer_ms] = await compare(interpreter, size, folder);
      const name = `${size} encoder, ONNX graph on kept patches, batch 1`;
      const adapter = "onnxruntime-node CPU, 1 thread";
      found.push({ case: name, adapter, ours_ms, peer: "torch-cpu", peer_ms, ratio: peer_ms / ours_ms });
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  }
  return found;
};

const compare = async (/** @type {string} */ interpreter, /** @type {string} */ size, /** @type {string} */ folder) => {
  const { randomMask } = await compiled("runtime/index.js");
  const { generatorTensor } = await compiled("weights/made/generator.js");
  const { openOnnx } = await compiled("node/executors/onnx.js");
  const { model, params, weights } = await encoder(size);
  const image = generatorTensor(1, "input", 3 * 224 * 224, 0, 1.7);
  const mask = randomMask(1, { batch: 1, patches: 49, keep: 19 });
  const inputs = new Map([
    ["pixel_values", { shape: [1, 3, 224, 224], data: image }],
    ["mask", { shape: [1, 49], data: mask }],
  ]);
  const session = (await openOnnx({ model }, { threads: 1 })).value;
  const first = (await session.run(inputs)).value.outputs.get("encoded");

  const write = (/** @type {string} */ name, /** @type {Float32Array} */ data) =>
    fs.writeFileSync(path.join(folder, `${name}.f32`), data);
  for (const { name } of params) write(name, await weights.f32(name));
  write("pixel_values", image);
  write("mask", mask);
  write("encoded", first.data);
  const shapes = params.map(({ name, shape }) => [name, shape]);
  const about = { size, params: shapes, input: [1, 3, 224, 224], mask: [1, 49], encoded: first.shape };
  fs.writeFileSync(path.join(folder, "model.json"), JSON.stringify(about));

  const torch = spawn(interpreter, [script, folder], { stdio: ["pipe", "pipe", "inherit"] });
  const answers = readline.createInterface({ input: torch.stdout })[Symbol.asyncIterator]();
  const answer = async () => JSON.parse((await answers.next()).value);
  const { rel_l2 } = await answer();
  if (!(rel_l2 < 1e-5)) throw new Error(`PyTorch's encoder differs from ours by ${rel_l2}`);
  const [ours, peer] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
  for (let round = -rounds.warm; round < rounds.timed; round++) {
    const mine = (await session.run(inputs)).value.milliseconds;
    torch.stdin.write("run\n");
    const { ms } = await answer();
    if (round < 0) continue;
    ours.push(mine);
    peer.push(ms);
  }
  torch.stdin.end();
  await session.close();
  return [median(ours), median(peer)];
};

/** The encoder alone as an ONNX file, and its weights: such that every parameter matters. */
const encoder = async (/** @type {string} */ size) => {
  const { build } = await compiled("graph/build.js");
  const { emitOnnx, onnx } = await compiled("emit/onnx/onnx.js");
  const { compactSites } = await compiled("passes/compact-sites.js");
  const { runPasses } = await compiled("passes/pass.js");
  const { loadProgram } = await compiled("node/inputs/program.js");
  const { generatorWeights } = await compiled("weights/made/generator.js");
  const spec = path.resolve(import.meta.dirname, "../specs/fcmae.cnx");
  const model = loadProgram(spec, null).value.program.models.get(`${size}_fcmae`);
  const whole = build(model).value;
  const outputs = whole.outputs.filter((/** @type {{ name: string }} */ { name }) => name === "encoded");
  const graph = runPasses({ ...whole, outputs }, [compactSites, ...onnx.rewriting]);
  const params = [...graph.nodes.values()]
    .filter(({ op }) => op === "param")
    .map(({ id, type }) => ({ name: id, shape: type.shape }));
  const rows = params.map(({ name, shape }) => [name, shape, ...spread(name, shape)]);
  const weights = generatorWeights("bench", 1, rows);
  const context = { model, weights, specHash: "", specName: "", version: "", onnx: { opset: 20, layout: "plain" } };
  const [file] = emitOnnx(graph, context, { widths: null, limit: Number.POSITIVE_INFINITY });
  const parts = [];
  for await (const part of file.contents) parts.push(part);
  return { model: new Uint8Array(Buffer.concat(parts)), params, weights };
};

/** Mean and halfwidth of a parameter, as the golden files spread theirs: test/golden/README.md. */
const spread = (/** @type {string} */ name, /** @type {readonly number[]} */ shape) => {
  if (name.endsWith(".gamma")) return [0, 0.5];
  if (name.endsWith(".beta") || name.endsWith(".bias")) return [0, 0.1];
  if (shape.length === 1) return [1, 0.2];
  const inputs = shape.slice(1).reduce((a, b) => a * b, 1);
  return [0, (name.includes(".pwconv2.") ? 0.3 : 1) * Math.sqrt(3 / inputs)];
};
