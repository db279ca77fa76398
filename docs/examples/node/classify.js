import { openAsBlob, readFileSync } from "node:fs";
import { requestDevice } from "cnxc/runtime";
import { PNG } from "pngjs";
import { create, globals } from "webgpu";
import { createModel, descriptor, topK } from "./out/pets/pets.js";
import { createPreprocessor } from "./out/pets/preprocess.js";

Object.assign(globalThis, globals, { gpu: create([]) }); // kept there: Dawn ends the process when it is collected
const device = await requestDevice(descriptor, globalThis.gpu);
const weights = URL.createObjectURL(await openAsBlob("out/pets/weights.safetensors"));
const [model, preprocess] = await Promise.all([createModel({ device, weights }), createPreprocessor(device)]);

for (const file of process.argv.slice(2)) {
  const { width, height, data } = PNG.sync.read(readFileSync(file));
  const { logits } = await model.run({ pixel_values: await preprocess({ width, height, data }) });
  for (const { label, probability } of topK(logits, 3)[0]) console.log(label, probability.toFixed(4));
}
device.destroy();
