import { createModel, createPreprocessor, descriptor, requestDevice, topK } from "./out/pets/pets.bundle.js";

const ready = requestDevice(descriptor).then(device =>
  Promise.all([createModel({ device, weights: "out/pets/weights.safetensors" }), createPreprocessor(device)]),
);

self.onmessage = async ({ data }) => {
  const bitmap = await createImageBitmap(data);
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const [model, preprocess] = await ready;
  const pixel_values = await preprocess(context.getImageData(0, 0, bitmap.width, bitmap.height));
  const { logits } = await model.run({ pixel_values });
  pixel_values.destroy();
  self.postMessage(topK(logits, 3)[0]);
};
