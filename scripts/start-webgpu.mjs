// @ts-check
// The WGSL half of `npm start`, in the process that was started for the adapter.
import * as path from "node:path";
import { atto } from "./start-atto.mjs";

const dist = path.resolve(import.meta.dirname, "..", "dist");

export default async (/** @type {{ kind: string }} */ { kind }) => {
  const { webgpu } = await import(path.join(dist, "node/executors/webgpu.js"));
  const { bytesMoved } = await import(path.join(dist, "plan/print.js"));
  const { lower } = await import(path.join(dist, "compile.js"));
  const { wgslTarget } = await import(path.join(dist, "host/wgsl.js"));
  const { request, context } = atto();
  const target = { ...wgslTarget(kind, false), emit: () => [] };
  const unit = lower({ ...request, target, batch: { min: 1, max: 1 }, context });
  const run = await webgpu(kind)(request);
  for (const { diagnostics } of [unit, run].filter(({ ok }) => !ok)) throw new Error(diagnostics[0].message);
  const { plan } = unit.value;
  const { outputs, on, milliseconds } = run.value;
  return {
    on,
    kernels: `${plan.steps.length} dispatches`,
    moved: `${(bytesMoved(plan) / 1e6).toFixed(1)} MB`,
    ms: milliseconds,
    logits: outputs.get("logits").data,
  };
};
