// @ts-check
// What explore predicts against what is measured, on both software adapters: a device is fitted to the models of
// `cnxc calibrate`, and foretells 50 variants around atto and five published sizes. `ours` is measured, the peer's time
// predicted. Models of the fit and variants are timed in turn, in several laps and each lap in another order, since a
// machine's speed drifts from second to second and from minute to minute; the median of the laps counts.
//   npm run bench -- explore
import * as path from "node:path";

/** @typedef {import("./onnx.mjs").Row} Row */

const root = path.resolve(import.meta.dirname, "..");
const compiled = (/** @type {string} */ file) => import(path.join(root, "dist", file));
const sizes = ["atto", "femto", "pico", "nano", "tiny"];

/** @returns {Promise<Row[]>} */
export const rows = async (count = 50) => {
  const { calibrationModels } = await compiled("explore/fit-models.js");
  const { agreement, fitDevice } = await compiled("explore/fit.js");
  const { launchesOf } = await compiled("explore/lowering.js");
  const { StageCache } = await compiled("explore/stage-cache.js");
  const { pointAt, productOf } = await compiled("explore/points.js");
  const { predict } = await compiled("explore/predict.js");
  const { choices } = await compiled("model/choices.js");
  const { openDevice } = await compiled("node/inputs/devices.js");
  const { measure } = await compiled("node/executors/measure.js");
  const { loadProgram } = await compiled("node/inputs/program.js");

  const [sweep] = loadProgram(path.join(root, "bench/explore.cnx"), null).value.program.sweeps;
  const { models } = loadProgram(path.join(root, "specs/convnextv2.cnx"), null).value.program;
  const { int } = choices(7);
  const indices = new Set();
  while (indices.size < count) indices.add(int(0, productOf(sweep) - 1));
  const asked = [
    ...[...indices].map(index => ({ model: pointAt(sweep, index).model, kind: "variant" })),
    ...sizes.map(name => ({ model: models.get(name), kind: "size" })),
  ];
  const every = asked.length / calibrationModels.length;
  const order = asked.flatMap((each, i) => {
    const [from, to] = [Math.ceil(i / every), Math.ceil((i + 1) / every)];
    const between = calibrationModels.slice(from, to);
    return [...between.map((/** @type {object} */ model) => ({ model, kind: "fit" })), each];
  });

  /** @type {Row[]} */
  const found = [];
  for (const adapter of ["lavapipe", "swiftshader"]) {
    const form = { tuning: adapter, dtype: "f32", batch: 1 };
    const parts = new StageCache((/** @type {object} */ model) => launchesOf(model, form), { apart: true });
    const times = await laps(order.length, async indices => {
      const lap = await measure(
        adapter,
        indices.map(i => ({ model: order[i]?.model, form })),
      );
      if (!lap.ok) throw new Error(lap.diagnostics[0].message);
      return lap.value;
    });
    const samples = order.map(({ model, kind }, i) => ({
      model,
      kind,
      profile: parts.profile(model).value,
      dtype: "f32",
      batch: 1,
      seconds: /** @type {number} */ (times[i]) / 1e3,
    }));
    const device = fitDevice(
      openDevice(adapter).value,
      samples.filter(({ kind }) => kind === "fit"),
    );
    const told = samples
      .filter(({ kind }) => kind !== "fit")
      .map(({ model, kind, profile, seconds }) => ({
        model,
        kind,
        predicted: 1e3 * predict(profile, device, device.rates.f32, 1).seconds,
        measured: 1e3 * seconds,
      }));
    const variants = told.filter(({ kind }) => kind === "variant");
    for (const [what, pairs] of /** @type {const} */ ([
      ["variants", variants],
      ["variants and sizes", told],
    ])) {
      const { rankCorrelation, medianError, worstError } = agreement(pairs);
      const [median, worst] = [medianError, worstError].map(part => `${(100 * part).toFixed(1)} %`);
      console.error(
        `${adapter}, ${pairs.length} ${what}: rank correlation ${rankCorrelation.toFixed(3)}, median error ${median}, worst ${worst}`,
      );
    }
    const { rates, bandwidth, launch } = device;
    console.error(JSON.stringify({ rates, bandwidth, launch }));
    found.push(
      ...told.map(({ model, kind, predicted, measured }) => ({
        case: kind === "size" ? model.name : shapeOf(model),
        adapter,
        ours_ms: measured,
        peer: "predicted",
        peer_ms: predicted,
        ratio: predicted / measured,
      })),
    );
  }
  return found;
};

/**
 * The median of what each of `count` took, over several laps that begin elsewhere and step otherwise.
 * @param {number} count
 * @param {(indices: readonly number[]) => Promise<readonly number[]>} lap
 */
const laps = async (count, lap) => {
  const all = Array.from({ length: count }, () => /** @type {number[]} */ ([]));
  for (const stride of strides) {
    console.error(`lap of every ${stride}th model`);
    const indices = all.map((_, i) => (i * stride) % count);
    const found = await lap(indices);
    for (const [i, index] of indices.entries()) all[index]?.push(/** @type {number} */ (found[i]));
  }
  return all.map(each => each.sort((a, b) => a - b)[Math.floor(each.length / 2)]);
};

/** Prime to the 73 models, so that a lap visits all of them. */
const strides = [1, 10, 27];

/** `40x2 80x2 160x6 320x2`: channels and blocks of each stage. */
const shapeOf = (/** @type {{ stages: readonly { dim: number, depth: number }[] }} */ { stages }) =>
  stages.map(({ dim, depth }) => `${dim}x${depth}`).join(" ");
