import { Buffer } from "node:buffer";
import { requestDevice } from "cnxc/runtime";
import { PNG } from "pngjs";
import { createModel, descriptor, topK } from "./out/pets/pets.js";
import { createPreprocessor } from "./out/pets/preprocess.js";

const device = await requestDevice(descriptor);
const weights = new URL("out/pets/weights.safetensors", import.meta.url);
const [model, preprocess] = await Promise.all([createModel({ device, weights }), createPreprocessor(device)]);

for (const file of Deno.args) {
  const { width, height, data } = PNG.sync.read(Buffer.from(Deno.readFileSync(file)));
  const { logits } = await model.run({ pixel_values: await preprocess({ width, height, data }) });
  for (const { label, probability } of topK(logits, 3)[0]) console.log(label, probability.toFixed(4));
}
device.destroy();
