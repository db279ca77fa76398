import { openAsBlob, readFileSync } from "node:fs";
import { requestDevice } from "cnxc/runtime";
import { PNG } from "pngjs";
import { create, globals } from "webgpu";
import { createClassifier } from "./out/pets/classifier.js";
import { descriptor } from "./out/pets/pets.js";

Object.assign(globalThis, globals, { gpu: create([]) }); // kept there: Dawn ends the process when it is collected
const device = await requestDevice(descriptor, globalThis.gpu);
const weights = URL.createObjectURL(await openAsBlob("out/pets/weights.safetensors"));
const classifier = await createClassifier({ device, weights });

for (const file of process.argv.slice(2)) {
  const { width, height, data } = PNG.sync.read(readFileSync(file));
  for (const { label, probability } of await classifier.classify({ width, height, data }, { topK: 3 }))
    console.log(label, probability.toFixed(4));
}
device.destroy();
