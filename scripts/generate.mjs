// @ts-check
// npm run generate: what the compiler makes of the specs, checked in under generated/ so that a change of the compiler
// shows as a diff of its output: kernels, host module, plan, and both graphs as text. Binary graphs stay out.
import * as path from "node:path";
import { generated, origin } from "./generated-files.mjs";

const root = path.resolve(import.meta.dirname, "..");
const { publish } = await import(path.join(root, "dist/node/output/publish.js"));

const published = await publish({
  directory: path.join(root, "generated"),
  inputs: [],
  project: root,
  followOutside: false,
  files: generated(),
  origin,
});
if (!published.ok) throw new Error(published.diagnostics.map((/** @type {Error} */ d) => d.message).join("\n"));
const { written, unchanged, removed } = published.value;
console.log(`generated: ${written.length} files written, ${unchanged.length} unchanged, ${removed.length} removed`);
