import { createClassifier } from "./out/pets/pets.bundle.js";

const ready = createClassifier({ weights: "out/pets/weights.safetensors" });

self.onmessage = async ({ data }) => {
  const classifier = await ready;
  self.postMessage(await classifier.classify(data, { topK: 3 }));
};
