// @ts-check
// A process of bench/webgpu.mjs: ONNX Runtime's WebGPU provider, which takes the adapter from the same environment.
import { createRequire } from "node:module";
import { atto } from "../scripts/start-atto.mjs";
import { relL2, torchModel } from "./onnx.mjs";
import { timed } from "./webgpu-ours.mjs";

const ort = createRequire(import.meta.url)("onnxruntime-node");

export default async () => {
  const { request, golden } = atto();
  const model = await torchModel(request.weights);
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ["webgpu"],
    extra: { session: { disable_cpu_ep_fallback: "1" } }, // a node left to the CPU would be no peer: fail instead
    logSeverityLevel: 3,
  });
  const image = request.inputs.get("pixel_values");
  const feeds = { image: new ort.Tensor("float32", image?.data, image?.shape) };
  const run = () => session.run(feeds);
  const [first] = Object.values(await run());
  if (!(relL2(first.data, golden) < 1e-5)) throw new Error("the peer's logits are not the golden ones");
  return timed(run);
};
