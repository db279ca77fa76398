import { createClassifier } from "./generated/pets/classifier.js";

const [input, list] = document.querySelectorAll("input, ol");
const weights = new URL("./generated/pets/weights.safetensors", import.meta.url);
const classifier = await createClassifier({ weights });

input.disabled = false;
input.onchange = async () => {
  const kinds = await classifier.classify(input.files[0], { topK: 3 });
  list.innerHTML = kinds.map(({ label, probability }) => `<li>${label} ${probability.toFixed(4)}`).join("");
};
