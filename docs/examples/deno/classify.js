import { Buffer } from "node:buffer";
import { PNG } from "pngjs";
import { createClassifier } from "./out/pets/classifier.js";

const weights = new URL("out/pets/weights.safetensors", import.meta.url);
const classifier = await createClassifier({ weights });

for (const file of Deno.args) {
  const { width, height, data } = PNG.sync.read(Buffer.from(Deno.readFileSync(file)));
  for (const { label, probability } of await classifier.classify({ width, height, data }, { topK: 3 }))
    console.log(label, probability.toFixed(4));
}
classifier.dispose();
