// What others make of a folder of ours: `consume.mjs PACKAGES JOB`, answers in JSON on standard output.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import { pathToFileURL } from "node:url";

const [, , packages = "", text = ""] = process.argv;
const { consumer, folder, model, file, shape, input, picture } = JSON.parse(text);
const load = name => import(pathToFileURL(createRequire(path.join(packages, "at.js")).resolve(name)).href);
const data = new Float32Array(readFileSync(input).buffer);

/** ONNX Runtime itself, native or WebAssembly, of one thread. */
async function runtime(name) {
  const loaded = await load(name);
  const ort = loaded.default?.InferenceSession ? loaded.default : loaded;
  if (name === "onnxruntime-web") ort.env.wasm.numThreads = 1;
  const options = name === "onnxruntime-web" ? { executionProviders: ["wasm"] } : {};
  const bytes = readFileSync(path.join(folder, model, "onnx", file));
  const session = await ort.InferenceSession.create(new Uint8Array(bytes), options);
  const { logits } = await session.run({ pixel_values: new ort.Tensor("float32", data, shape) });
  return { logits: [...logits.data] };
}

/** transformers.js, which finds everything by config.json. */
async function transformers(name, options) {
  const loaded = await load(name);
  const { AutoModelForImageClassification, Tensor, RawImage, env, pipeline } = loaded.default?.env
    ? loaded.default
    : loaded;
  env.allowRemoteModels = false;
  env.localModelPath = folder;
  const network = await AutoModelForImageClassification.from_pretrained(model, options);
  const { logits } = await network({ pixel_values: new Tensor("float32", data, shape) });
  if (picture === null) return { logits: [...logits.data] };
  const { width, height } = picture;
  const pixels = Uint8ClampedArray.from({ length: width * height * 3 }, (_, i) => (i * 37) % 256);
  const classify = await pipeline("image-classification", model, options);
  const classes = await classify(new RawImage(pixels, width, height, 3), { topk: 9, top_k: 9 });
  return { logits: [...logits.data], classes };
}

const consumers = {
  "onnxruntime-web": () => runtime("onnxruntime-web"),
  "onnxruntime-node": () => runtime("onnxruntime-node"),
  "@huggingface/transformers": () => transformers("@huggingface/transformers", {}),
  // Version 2 looks for a quantized model unless it is told otherwise, and reads no type from config.json.
  "@xenova/transformers": () =>
    transformers("@xenova/transformers", { quantized: false, model_file_name: path.basename(file, ".onnx") }),
};
console.log(JSON.stringify(await consumers[consumer]()));
process.exit(0); // a runtime's threads would keep this process
