import { requestDevice } from "cnxc/runtime";
import { useState } from "react";
import { createRoot } from "react-dom/client";
import { createModel, descriptor, topK } from "./generated/pets/pets.js";
import { createPreprocessor } from "./generated/pets/preprocess.js";

const weights = new URL("./generated/pets/weights.safetensors", import.meta.url);
const device = await requestDevice(descriptor);
const [model, preprocess] = await Promise.all([createModel({ device, weights }), createPreprocessor(device)]);
async function classify(file) {
  const bitmap = await createImageBitmap(file);
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const pixel_values = await preprocess(context.getImageData(0, 0, bitmap.width, bitmap.height));
  const { logits } = await model.run({ pixel_values });
  return topK(logits, 3)[0].map(({ label, probability }) => (
    <li key={label}>{`${label} ${probability.toFixed(4)}`}</li>
  ));
}

function Pets() {
  const [kinds, setKinds] = useState([]);
  const show = async event => setKinds(await classify(event.target.files[0]));
  return [<input key="file" type="file" accept="image/*" onChange={show} />, <ol key="kinds">{kinds}</ol>];
}

createRoot(document.querySelector("main")).render(<Pets />);
