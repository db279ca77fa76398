// @ts-check
// A process of bench/train.mjs: the same network in jax-js, on all patches with a mask, as the official code has it for
// want of sparse convolution; its gradient and AdamW in one jit, on the same adapter.
import * as jax from "@jax-js/jax";
import { batch, compiled, learningRate, timed, trainingCase } from "./train-case.mjs";

const { lax, nn, numpy: np } = jax;

/** @typedef {import("@jax-js/jax").Array} Values */
/** @typedef {Record<string, Values>} Params */

/** LayerNorm over the last dimension. */
const norm = (/** @type {Values} */ x, /** @type {Params} */ p, /** @type {string} */ name) =>
  nn.standardize(x, -1, { epsilon: 1e-6 }).mul(p[`${name}.weight`]?.ref).add(p[`${name}.bias`]?.ref);

const linear = (/** @type {Values} */ x, /** @type {Params} */ p, /** @type {string} */ name) =>
  np.matmul(x, np.transpose(p[`${name}.weight`]?.ref)).add(p[`${name}.bias`]?.ref);

const toLast = (/** @type {Values} */ x) => np.transpose(x, [0, 2, 3, 1]);
const toFirst = (/** @type {Values} */ x) => np.transpose(x, [0, 3, 1, 2]);

const convolve = (
  /** @type {Values} */ x,
  /** @type {Params} */ p,
  /** @type {string} */ name,
  { stride = 1, pad = 0, groups = 1 } = {},
) => {
  const padding = /** @type {[number, number]} */ ([pad, pad]);
  const y = lax.convGeneralDilated(x, p[`${name}.weight`]?.ref, [stride, stride], [padding, padding], {
    featureGroupCount: groups,
  });
  return y.add(p[`${name}.bias`]?.ref.reshape([1, -1, 1, 1]));
};

/** A block; keep [N,1,H,W] is 1 at kept sites, null where all are. */
const block = (
  /** @type {Values} */ x,
  /** @type {Params} */ p,
  /** @type {string} */ name,
  /** @type {number} */ dim,
  /** @type {Values | null} */ keep,
) => {
  let y = toLast(convolve(x.ref, p, `${name}.dwconv`, { pad: 3, groups: dim }));
  y = nn.gelu(linear(norm(y, p, `${name}.norm`), p, `${name}.pwconv1`), { approximate: false });
  if (keep) y = y.mul(toLast(keep.ref));
  const response = np.sqrt(np.sum(np.square(y.ref), [1, 2], { keepdims: true }));
  const factor = response.ref.div(np.mean(response, -1, { keepdims: true }).add(1e-6));
  y = p[`${name}.grn.gamma`]?.ref.mul(y.ref.mul(factor)).add(p[`${name}.grn.beta`]?.ref).add(y);
  const sum = x.add(toFirst(linear(y, p, `${name}.pwconv2`)));
  return keep ? sum.mul(keep.ref) : sum;
};

/** FCMAE's loss: facebookresearch/ConvNeXt-V2, models/fcmae.py. */
const lossOf =
  (/** @type {any} */ model) => (/** @type {Params} */ p, /** @type {Values} */ image, /** @type {Values} */ mask) => {
    const { stages, head, input } = model;
    const { patchSize: size } = head;
    const [down, across] = [input.height / size, input.width / size];
    const grid = np.subtract(1, mask.ref).reshape([batch, 1, down, across]);
    let [x, scale] = [image.ref, 1];
    for (const [i, { depth, dim }] of stages.entries()) {
      if (i === 0)
        x = toFirst(norm(toLast(convolve(x, p, "downsample_layers.0.0", { stride: 4 })), p, "downsample_layers.0.1"));
      else
        x = convolve(toFirst(norm(toLast(x), p, `downsample_layers.${i}.0`)), p, `downsample_layers.${i}.1`, {
          stride: 2,
        });
      scale = i === 0 ? size / 4 : scale / 2;
      const keep = np.repeat(np.repeat(grid.ref, scale, 2), scale, 3);
      x = x.mul(keep.ref);
      for (let j = 0; j < depth; j++) x = block(x, p, `stages.${i}.${j}`, dim, keep);
      keep.dispose();
    }
    x = convolve(x, p, "proj");
    x = x.mul(grid.ref).add(p.mask_token?.ref.mul(np.subtract(1, grid)));
    for (let j = 0; j < head.decoder.depth; j++) x = block(x, p, `decoder.${j}`, head.decoder.dim, null);
    const pred = toLast(convolve(x, p, "pred")).reshape([batch, down * across, -1]);
    let target = image.reshape([batch, input.channels, down, size, across, size]);
    target = np.transpose(target, [0, 2, 4, 3, 5, 1]).reshape([batch, down * across, -1]);
    const mean = np.mean(target.ref, -1, { keepdims: true });
    const centred = target.sub(mean);
    const variance = np.sum(np.square(centred.ref), -1, { keepdims: true }).div(size * size * input.channels - 1);
    const errors = np.mean(np.square(pred.sub(centred.div(np.sqrt(variance.add(1e-6))))), -1);
    return np.sum(errors.mul(mask.ref)).div(np.sum(mask));
  };

/** AdamW as torch has it, for one parameter; two numbers of `step` correct the moments. */
const adamw = (
  /** @type {Values} */ w,
  /** @type {Values} */ g,
  /** @type {Values} */ m,
  /** @type {Values} */ v,
  /** @type {Values} */ step,
) => {
  const [first, second] = [step.ref.slice(0), step.ref.slice(1)];
  const expAvg = m.mul(0.9).add(g.ref.mul(0.1));
  const expAvgSq = v.mul(0.95).add(np.square(g).mul(0.05));
  const change = expAvg.ref.div(first).div(np.sqrt(expAvgSq.ref.div(second)).add(1e-8));
  return [w.mul(1 - learningRate * 0.05).sub(change.mul(learningRate)), expAvg, expAvgSq];
};

export default async (/** @type {{ size: import("./train-case.mjs").Size }} */ { size }) => {
  const { loadDawn } = await compiled("node/gpu/dawn.js");
  const gpu = (await loadDawn()).value;
  Object.defineProperty(globalThis, "navigator", { value: { gpu, userAgent: "" }, configurable: true });
  await jax.init("webgpu");
  jax.defaultDevice("webgpu");
  const { model, params, weights, image, mask } = await trainingCase(size);
  const loss = jax.valueAndGrad(lossOf(model));
  const step = jax.jit(
    (
      /** @type {Params} */ p,
      /** @type {Params} */ ms,
      /** @type {Params} */ vs,
      /** @type {Values} */ x,
      /** @type {Values} */ hidden,
      /** @type {Values} */ n,
    ) => {
      const [value, gradients] = loss(
        Object.fromEntries(Object.entries(p).map(([name, w]) => [name, w.ref])),
        x,
        hidden,
      );
      const found = Object.keys(p).map(name => {
        const [w, g, m, v] = [p, gradients, ms, vs].map(of => /** @type {Values} */ (/** @type {Params} */ (of)[name]));
        return [
          name,
          adamw(
            /** @type {Values} */ (w),
            /** @type {Values} */ (g),
            /** @type {Values} */ (m),
            /** @type {Values} */ (v),
            n,
          ),
        ];
      });
      n.dispose();
      const part = (/** @type {number} */ i) => Object.fromEntries(found.map(([name, made]) => [name, made[i]]));
      return [value, part(0), part(1), part(2)];
    },
  );
  const array = (/** @type {{ shape: number[], data: Float32Array }} */ { shape, data }) => np.array(data, { shape });
  const all = async (/** @type {(name: string, elements: number) => Promise<Float32Array>} */ values) => {
    const made = /** @type {Params} */ ({});
    for (const { name, shape } of params) {
      const data = await values(
        name,
        shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1),
      );
      made[name] = array({ shape, data });
    }
    return made;
  };
  let state = [
    await all(name => weights.f32(name)),
    await all(async (_, n) => new Float32Array(n)),
    await all(async (_, n) => new Float32Array(n)),
  ];
  let n = 0;
  return timed(async () => {
    n++;
    const corrections = np.array([1 - 0.9 ** n, 1 - 0.95 ** n]);
    const [value, ...next] = step(...state, array(image), array(mask), corrections);
    state = next;
    return (await value.data())[0];
  });
};
