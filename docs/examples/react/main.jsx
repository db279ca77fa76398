import { useState } from "react";
import { createRoot } from "react-dom/client";
import { createClassifier } from "./generated/pets/classifier.js";

const weights = new URL("./generated/pets/weights.safetensors", import.meta.url);
const classifier = await createClassifier({ weights });

function Pets() {
  const [kinds, setKinds] = useState([]);
  const show = async event => setKinds(await classifier.classify(event.target.files[0], { topK: 3 }));
  const lines = kinds.map(({ label, probability }) => <li key={label}>{`${label} ${probability.toFixed(4)}`}</li>);
  return [<input key="file" type="file" accept="image/*" onChange={show} />, <ol key="kinds">{lines}</ol>];
}

createRoot(document.querySelector("main")).render(<Pets />);
