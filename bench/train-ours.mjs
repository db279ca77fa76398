// @ts-check
// A process of bench/train.mjs: our kernels, on kept patches alone or on all with a mask.
import { batch, compiled, learningRate, timed, trainingCase } from "./train-case.mjs";

export default async (
  /** @type {{ kind: string, size: import("./train-case.mjs").Size, sites: string }} */ { kind, size, sites },
) => {
  const { plan } = await compiled("compile.js");
  const { wgslTarget } = await compiled("emit/wgsl/target.js");
  const { describeTrainer } = await compiled("emit/wgsl/trainer.js");
  const { loadDawn } = await compiled("node/gpu/dawn.js");
  const { requestDevice } = await compiled("runtime/device.js");
  const { createTrainer } = await compiled("runtime/training/trainer.js");
  const { model, params, weights, image, mask } = await trainingCase(size);
  const learning = { dropPath: false, wanted: (/** @type {string} */ _, /** @type {boolean} */ isParam) => isParam };
  const images = { min: batch, max: batch };
  const planned = plan({ model, target: wgslTarget(kind, false), batch: images, sites, learning }).value.plan;
  const descriptor = describeTrainer(planned, { ema: false });
  const device = await requestDevice(descriptor, (await loadDawn()).value);
  const trainer = await createTrainer(descriptor, {
    device,
    params: params.map((/** @type {{ name: string }} */ { name }) => ({ name, lrScale: 1, weightDecay: 0.05 })),
    betas: [0.9, 0.95],
    eps: 1e-8,
    clip: null,
    ema: null,
    start: async (/** @type {string} */ kind, /** @type {string} */ name) =>
      kind === "param" ? weights.f32(name) : null,
  });
  let n = 0;
  return timed(async () => {
    const loss = await trainer.accumulate({ pixel_values: image.data, mask: mask.data }, 1);
    const update = await trainer.update({ lr: learningRate, n: ++n });
    await update.result;
    return loss.result;
  });
};
