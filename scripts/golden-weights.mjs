// @ts-check
// Writes the weights and the input of a golden file as tensor files, so that `cnxc run` can be tried on them:
//   npm run build && node scripts/golden-weights.mjs dense/micro-64x64-b2 out
// makes out/weights.safetensors, in the official names, and out/input.safetensors, whose tensor is `pixel_values`.
import * as fs from "node:fs";
import * as path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const [golden, out] = process.argv.slice(2);
if (golden === undefined || out === undefined) {
  console.error("usage: node scripts/golden-weights.mjs GOLDEN FOLDER, where GOLDEN is a path in test/golden");
  process.exit(2);
}
const { generatorTensor, generatorWeights } = await import(path.join(root, "dist/weights/made/generator.js"));
const { f32Tensor, writeSafetensors } = await import(path.join(root, "dist/weights/formats/safetensors.js"));

const file = path.join(root, "test/golden", `${golden.replace(/\.json$/, "")}.json`);
const { name, seed, params, input } = JSON.parse(fs.readFileSync(file, "utf8"));
const metadata = { golden: name };
const weights = generatorWeights(name, seed, params);
const size = input.shape.reduce((/** @type {number} */ product, /** @type {number} */ n) => product * n, 1);
const image = () => generatorTensor(seed, input.name, size, input.mean, input.halfwidth);

const write = async (/** @type {string} */ to, /** @type {AsyncIterable<Uint8Array>} */ pieces) => {
  const handle = fs.openSync(path.join(out, to), "w");
  for await (const piece of pieces) for (let at = 0; at < piece.length; ) at += fs.writeSync(handle, piece, at);
  fs.closeSync(handle);
};

fs.mkdirSync(out, { recursive: true });
const tensors = params.map((/** @type {[string, number[]]} */ [name, shape]) =>
  f32Tensor(name, shape, () => weights.f32(name)),
);
await write("weights.safetensors", writeSafetensors(tensors, metadata));
await write("input.safetensors", writeSafetensors([f32Tensor("pixel_values", input.shape, image)], metadata));
