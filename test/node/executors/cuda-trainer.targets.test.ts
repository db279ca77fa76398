import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Failure } from "../../../src/diagnostics/failure.ts";
import { cudaTrainer, trainerSources } from "../../../src/node/executors/cuda-trainer.ts";
import { referenceTrainer } from "../../../src/node/executors/reference-trainer.ts";
import { buildCuda } from "../../../src/node/executors/toolchain.ts";
import { stateKinds } from "../../../src/node/executors/trainer.ts";
import { webgpuTrainer } from "../../../src/node/executors/webgpu-trainer.ts";
import type { RunTensor } from "../../../src/node/inputs/tensors.ts";
import { converse } from "../../../src/node/process/conversation.ts";
import { elements } from "../../../src/weights/tensor.ts";
import { hasGxx } from "../../support/cuda-tools.ts";
import { full } from "../../support/full.ts";
import { adapter } from "../../support/gpu.ts";
import { relL2 } from "../../support/tolerance.ts";
import { endErrors, float32Trace, traceErrors } from "../../support/traces.ts";
import { must } from "../../syntax/support.ts";
import { afterStep, tiny, trained } from "./traces.ts";

const files = readdirSync(new URL("../../golden/train", import.meta.url))
  .map(file => file.replace(".json", ""))
  .filter(file => full || /drop-path/.test(file));

const f32 = { dtype: "f32", tf32: false } as const;

/** Eight steps move weights by rounding, too; elements differ most, so that losses and norms are judged. */
const rounded = {
  bf16: { dtype: "bf16", tf32: false, loss: 5e-3, norms: 1e-1 },
  f16: { dtype: "f16", tf32: false, loss: 5e-4, norms: 5e-2 },
  tf32: { dtype: "f32", tf32: true, loss: 5e-4, norms: 5e-2 },
} as const;

describe.runIf(hasGxx && full)("CUDA kernels in 16 bits and TF32 learn nearly as torch does", () => {
  test.each(
    (["finetune-micro", "pretrain-micro-sample"] as const).flatMap(file =>
      (["bf16", "f16", "tf32"] as const).map(form => ({ file, form })),
    ),
  )("$file, $form", async ({ file, form }) => {
    const limits = rounded[form];
    const { trace, log, endOf } = await trained(file, cudaTrainer("cpu", limits));
    const { loss, norm } = traceErrors(trace, log);
    const { samples, ...norms } = endErrors(trace, endOf);
    console.info(file, form, { loss, norm, samples, ...norms });
    // A classifier's loss is one of few logits, and rounded as these are before anything is learned.
    expect(loss).toBeLessThan(file === "pretrain-micro-sample" ? 5e-4 : limits.loss);
    expect(Math.max(norm, ...Object.values(norms))).toBeLessThan(limits.norms);
    expect(loss).toBeGreaterThan(1e-6); // else nothing was rounded
  });
});

describe.runIf(hasGxx)("CUDA kernels learn as torch does, as fibers of a CPU", () => {
  test.each(files)("%s", async file => {
    const { trace, log, endOf } = await trained(file, cudaTrainer("cpu", f32));
    const { loss, norm } = traceErrors(trace, log);
    const { samples, ...norms } = endErrors(trace, endOf);
    if (full) console.info(file, { loss, norm, samples, ...norms });
    expect(loss).toBeLessThan(float32Trace.loss);
    expect(norm).toBeLessThan(float32Trace.norm);
    expect(Math.max(...Object.values(norms))).toBeLessThan(float32Trace.moved);
    expect(samples).toBeLessThan(float32Trace.samples);
  });
});

describe.runIf(hasGxx)("a CUDA library that trains", () => {
  test("a step is that of the reference and of WebGPU: gradients, moments, weights and their average", async () => {
    const wanted = await afterStep(referenceTrainer);
    const cuda = await afterStep(cudaTrainer("cpu", f32));
    // The first moments are the gradients' tenth.
    for (const [name, values] of wanted) expect(relL2(cuda.get(name) ?? [], values), name).toBeLessThan(2e-5);
    if (adapter === null) return;
    const webgpu = await afterStep(webgpuTrainer("gpu"));
    for (const [name, values] of webgpu) expect(relL2(cuda.get(name) ?? [], values), name).toBeLessThan(2e-5);
  });

  test("the same bits in every order of threads and time of copies", async () => {
    const { request, batch } = tiny();
    const { plan, files } = must(trainerSources(request, f32));
    const program = must(await buildCuda("cpu", files, () => {}));
    const bytes = (values: ArrayLike<number>) => new Uint8Array(Float32Array.from(values).buffer);
    const word = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);
    const inputs = (seed: number) => plan.inputs.map(({ name }) => bytes((batch(seed).get(name) as RunTensor).data));
    const found = [];
    for (const order of ["forward", "reverse", "shuffled", "greedy", "greedy_reverse"])
      for (const time of ["early", "late"]) {
        const run = converse(program, [order, time, "2"]);
        const ask = async (question: readonly Uint8Array[], floats = 0) => {
          const answer = await run.ask(question, 4 + 4 * floats);
          expect([answer.length, answer.readUInt32LE()]).toEqual([4 + 4 * floats, 0]);
          return answer.toString("hex");
        };
        await ask([Buffer.from("t"), bytes(plan.params.flatMap(() => [1, 0.05]))]);
        for (const [i, { name }] of plan.params.entries())
          await ask([Buffer.from("w"), word(0), word(i), bytes((await request.start("param", name)) ?? [])]);
        await ask([Buffer.from("p")]);
        const losses = [];
        for (const first of [1, 0])
          losses.push(await ask([Buffer.from("b"), word(2), bytes([0.5]), word(1 - first), ...inputs(first)], 1));
        await ask([Buffer.from("u"), bytes([1e-2, 0.9, 0.99, 1e-8, 0.1, 0.1, 0.1, 0])], 2);
        const kept = [];
        for (const [i, { shape }] of plan.params.entries())
          for (const kind of stateKinds.keys())
            kept.push(await ask([Buffer.from("r"), word(kind), word(i)], elements(shape)));
        expect(await run.end()).toEqual({ code: 0, stderr: "" });
        found.push([...losses, ...kept].join(""));
      }
    expect(new Set(found).size).toBe(1);
  });

  test("a step whose gradients are not finite changes nothing, and the next one is as if it had not been", async () => {
    const { request, batch } = tiny();
    const good = batch(1);
    const pixels = good.get("pixel_values") as RunTensor;
    const broken = new Map([...good, ["pixel_values", { ...pixels, data: pixels.data.with(7, Number.NaN) }]]);
    const ends = [];
    for (const steps of [[broken, good], [good]]) {
      const trainer = must(await cudaTrainer("cpu", f32)(request));
      for (const step of steps) {
        await trainer.accumulate(step, 1);
        const { gradNorm, skipped } = await trainer.update({ lr: 1e-3, n: 1 });
        expect([Number.isFinite(gradNorm), skipped]).toEqual([step === good, step === broken]);
      }
      const end = [];
      for (const kind of stateKinds) end.push([...(await trainer.read(kind, "head.weight"))]);
      ends.push(end);
      await trainer.close();
    }
    expect(ends[0]).toEqual(ends[1]);
  });

  test("a program that is gone is a failure with a diagnostic, at each call", async () => {
    const { request, batch } = tiny();
    const trainer = must(await cudaTrainer("cpu", f32)(request));
    await trainer.close();
    for (const call of [
      () => trainer.accumulate(batch(1), 1),
      () => trainer.update({ lr: 1e-3, n: 1 }),
      () => trainer.read("param", "head.weight"),
    ])
      await expect(call()).rejects.toBeInstanceOf(Failure);
  });
});
