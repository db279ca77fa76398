// @ts-check
// The WGSL half of `npm start`, in the process that was started for the adapter.
import * as path from "node:path";
import { atto } from "./start-atto.mjs";

const dist = path.resolve(import.meta.dirname, "..", "dist");

export default async (/** @type {{ kind: string }} */ { kind }) => {
  const { once } = await import(path.join(dist, "node/executors/executor.js"));
  const { webgpu } = await import(path.join(dist, "node/executors/webgpu.js"));
  const { bytesMoved } = await import(path.join(dist, "plan/cost.js"));
  const { plan } = await import(path.join(dist, "compile.js"));
  const { wgslTarget } = await import(path.join(dist, "emit/wgsl/target.js"));
  const { request } = atto();
  const planned = plan({ ...request, target: wgslTarget(kind, false), batch: { min: 1, max: 1 } });
  const run = await once(webgpu(kind, false))(request);
  for (const { diagnostics } of [planned, run].filter(({ ok }) => !ok)) throw new Error(diagnostics[0].message);
  const { plan: made } = planned.value;
  const { outputs, on, milliseconds } = run.value;
  return {
    on,
    kernels: `${made.steps.length} dispatches`,
    moved: `${(bytesMoved(made) / 1e6).toFixed(1)} MB`,
    ms: milliseconds,
    logits: outputs.get("logits").data,
  };
};
