import { lower } from "../../compile.ts";
import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { describe } from "../../emit/wgsl/descriptor.ts";
import { wgslPasses } from "../../emit/wgsl/wgsl.ts";
import { halfParams, type Plan } from "../../plan/plan.ts";
import type { TuningName } from "../../plan/tunings.ts";
import { requestDevice } from "../../runtime/device.ts";
import { ModelError, type ModelErrorCode } from "../../runtime/errors.ts";
import { createModel } from "../../runtime/model.ts";
import { withinHalf } from "../../weights/within-half.ts";
import type { AdapterKind } from "../adapters.ts";
import { loadDawn } from "../dawn.ts";
import { version } from "../version.ts";
import type { Executor, RunRequest } from "./executor.ts";

/** Our WGSL in this process, which `enterGpuProcess` started for the adapter; tiles are those of the adapter. */
export const webgpu =
  (kind: AdapterKind, half: boolean): Executor =>
  async request => {
    const plan = planFor(request, kind, half);
    if (!plan.ok) return plan;
    const descriptor = describe(plan.value);
    const gpu = await loadDawn();
    if (!gpu.ok) return gpu;
    try {
      const device = await requestDevice(descriptor, gpu.value);
      const checked = withinHalf(request.weights, halfParams(plan.value));
      const model = await createModel(descriptor, { device, weights: name => checked.f32(name) });
      const inputs = Object.fromEntries([...request.inputs].map(([name, { data }]) => [name, data]));
      await model.warmup(request.batch);
      const start = performance.now();
      const results = await model.run(inputs);
      const milliseconds = performance.now() - start;
      model.dispose();
      const outputs = new Map(
        descriptor.outputs.map(({ name, shape, perImage }) => [
          name,
          { shape: perImage ? [request.batch, ...shape] : shape, data: results[name] as Float32Array },
        ]),
      );
      return ok({
        outputs,
        on: `WebGPU (${kind}${half && !device.features.has("shader-f16") ? ", f16 unpacked" : ""})`,
        milliseconds,
      });
    } catch (cause) {
      if (cause instanceof ModelError) return fail(explain[cause.code](cause.message));
      throw cause;
    }
  };

function planFor({ model, batch, taps, sites }: RunRequest, tuning: TuningName, half: boolean): Result<Plan> {
  const context = { weights: null, specHash: "", specName: "", version, onnx: { opset: 20, layout: "plain" } } as const;
  const target = { name: "wgsl", takes: "plan", ...wgslPasses, tuning, half, emit: () => [] } as const;
  const unit = lower({ model, target, batch: { min: batch, max: batch }, taps, sites, context });
  if (!unit.ok) return unit;
  return ok(unit.value.plan ?? failed(), unit.diagnostics);
}

const failed = (): never => {
  throw new Error("a kernel target made no plan");
};

const explain: { readonly [K in ModelErrorCode]: (why: string) => ReturnType<typeof error> } = {
  adapter: why => error("no-adapter", null, "WebGPU", why),
  limit: why => error("device-refused", null, why),
  lost: why => error("device-lost", null, why),
  "out-of-memory": why => error("out-of-gpu-memory", null, why),
  shader: why => error("shader-rejected", null, "WGSL", why),
  input: why => error("run-refused", null, why),
  weights: why => error("run-refused", null, why),
  fetch: why => error("run-refused", null, why),
  aborted: () => error("aborted", null),
  disposed: () => error("disposed", null),
};
