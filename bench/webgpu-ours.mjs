// @ts-check
// A process of bench/webgpu.mjs: our kernels, with the tiles that the tuning data has for the adapter.
import * as path from "node:path";
import { atto } from "../scripts/start-atto.mjs";
import { median, relL2 } from "./onnx.mjs";

const compiled = (/** @type {string} */ file) => import(path.resolve(import.meta.dirname, "../dist", file));

export default async (/** @type {{ kind: string }} */ { kind }) => {
  const { plan } = await compiled("compile.js");
  const { wgslTarget } = await compiled("emit/wgsl/target.js");
  const { describe } = await compiled("emit/wgsl/descriptor.js");
  const { loadDawn } = await compiled("node/gpu/dawn.js");
  const { createModel, requestDevice } = await compiled("runtime/index.js");
  const { request, golden } = atto();
  const planned = plan({ ...request, target: wgslTarget(kind, false), batch: { min: 1, max: 1 } });
  const descriptor = describe(planned.value.plan);
  const gpu = await loadDawn();
  const device = await requestDevice(descriptor, gpu.value);
  const model = await createModel(descriptor, { device, weights: name => request.weights.f32(name) });
  const inputs = { pixel_values: request.inputs.get("pixel_values")?.data };
  const { logits } = await model.run(inputs);
  if (!(relL2(logits, golden) < 1e-5)) throw new Error("our logits are not the golden ones");
  return timed(() => model.run(inputs));
};

/** Median of 5 runs or of 3 seconds of them, up to 50, after two to warm up: drivers still compile in the second. */
export const timed = async (/** @type {() => Promise<unknown>} */ run) => {
  const times = [];
  for (let i = 0; i < 2; i++) await run();
  const begin = performance.now();
  while (times.length < 5 || (performance.now() - begin < 3000 && times.length < 50)) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return median(times);
};
