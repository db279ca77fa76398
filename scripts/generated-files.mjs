// @ts-check
// The files of generated/, in memory: every published size, and one of each other form.
import * as path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const compiled = (/** @type {string} */ file) => import(path.join(root, "dist", file));
const { emit } = await compiled("compile.js");
const { cudaTarget } = await compiled("emit/cuda/target.js");
const { onnx, onnxModel } = await compiled("emit/onnx/onnx.js");
const { onnxText } = await compiled("emit/onnx/text.js");
const { print } = await compiled("graph/print.js");
const { wgslTarget } = await compiled("emit/wgsl/target.js");
const { hostFiles } = await compiled("host/host-files.js");
const { modelHash } = await compiled("model/hash.js");
const { loadProgram } = await compiled("node/inputs/program.js");
const { version } = await compiled("node/process/version.js");

const models = {
  "micro.cnx": ["micro", "micro_features"],
  "convnextv2.cnx": ["atto", "femto", "pico", "nano", "tiny", "base", "large", "huge"],
  "fcmae.cnx": ["atto_fcmae"],
  "features.cnx": ["tiny_features"],
  "384.cnx": ["tiny_384"],
};

/** CUDA libraries of two of them: one a storage type, so that both ways to multiply are seen. @type {Readonly<Record<string, "f32" | "bf16">>} */
const libraries = { micro: "f32", atto: "bf16" };

export const origin = { compiler: version, specs: [{ name: "specs", sha256: "" }], options: {} };

export const generated = () =>
  Object.entries(models).flatMap(([spec, names]) => {
    const loaded = loadProgram(path.join(root, "specs", spec), null);
    if (!loaded.ok) throw new Error(`specs/${spec} is wrong`);
    return names.flatMap(name => filesOf(loaded.value.program.models.get(name), spec));
  });

const filesOf = (/** @type {import("../src/model/model.ts").Model} */ model, /** @type {string} */ spec) => {
  const options = { opset: 20, layout: "plain" };
  const context = { weights: null, specHash: modelHash([model]), specName: spec, version, onnx: options };
  const request = { model, batch: { min: 1, max: 1 }, taps: [], context };
  const kernels = emit({ ...request, target: wgslTarget("gpu", false, hostFiles, true) });
  const graph = emit({ ...request, target: onnx });
  if (!kernels.ok || !graph.ok) throw new Error(`${model.name} does not compile`);
  const dtype = libraries[model.name];
  const library = dtype && emit({ ...request, batch: { min: 1, max: 32 }, target: cudaTarget(dtype) });
  if (library && !library.ok) throw new Error(`${model.name} does not compile to CUDA`);
  const files = [
    ...(library ? library.value.files : []),
    ...kernels.value.files,
    { path: "graph.txt", contents: print(kernels.value.graph) },
    { path: "onnx/model.txt", contents: onnxText(onnxModel(graph.value.graph, { ...context, model })) },
  ];
  return files.map(({ path: at, contents }) => ({ path: `${model.name}/${at}`, contents: String(contents) }));
};
