import { requestDevice } from "cnxc/runtime";
import { createModel, descriptor, topK } from "./generated/pets/pets.js";
import { createPreprocessor } from "./generated/pets/preprocess.js";

const [input, list] = document.querySelectorAll("input, ol");
const weights = new URL("./generated/pets/weights.safetensors", import.meta.url);
const device = await requestDevice(descriptor);
const [model, preprocess] = await Promise.all([createModel({ device, weights }), createPreprocessor(device)]);

input.disabled = false;
input.onchange = async () => {
  const bitmap = await createImageBitmap(input.files[0]);
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const pixel_values = await preprocess(context.getImageData(0, 0, bitmap.width, bitmap.height));
  const { logits } = await model.run({ pixel_values });
  pixel_values.destroy();
  list.innerHTML = topK(logits, 3)[0]
    .map(({ label, probability }) => `<li>${label} ${probability.toFixed(4)}`)
    .join("");
};
