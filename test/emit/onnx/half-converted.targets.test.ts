import { describe, expect, test } from "vitest";
import { classifierOf } from "../../../src/model/model.ts";
import { type OnnxProvider, type OnnxValue, runOnnx } from "../../../src/node/executors/onnx.ts";
import { findAdapter } from "../../../src/node/gpu/adapters.ts";
import { type Extreme, extremes, imageOf, modelOf, weightsOf } from "../../support/extremes.ts";
import { full } from "../../support/full.ts";
import { mustBuild } from "../../support/models.ts";
import { runOnWebgpu } from "../../support/onnx-webgpu.ts";
import { relL2, topClasses } from "../../support/tolerance.ts";
import { compiledBytes } from "./compiled.ts";
import { classes, convertedBytes, type Recorded } from "./converted.ts";

const limit = 5e-3;
const hasLavapipe = (await findAdapter("lavapipe")).ok;
/** The map that the block gives: an output of both models, as are the logits. */
const map = "stages.0.0";

type Values = ReadonlyMap<string, OnnxValue>;
const dataOf = (values: Values, name: string): Float32Array => values.get(name)?.data ?? new Float32Array();

const runOn: Readonly<Record<OnnxProvider, (model: Uint8Array, inputs: Values) => Promise<Values>>> = {
  cpu: async (model, inputs) => {
    const run = await runOnnx({ model }, inputs, { threads: 2 });
    if (!run.ok) throw new Error(run.diagnostics[0]?.message);
    return run.value.outputs;
  },
  webgpu: runOnWebgpu,
};

/** The same model and weights twice: our graph, and PyTorch's export. */
function filesOf(extreme: Extreme) {
  const model = { ...modelOf(extreme), head: classifierOf(classes) };
  const graph = mustBuild(model, [map]);
  const weights = weightsOf(extreme, graph);
  return {
    ours: async (half: boolean) => (await compiledBytes({ model, graph, weights, half })).model,
    theirs: (recorded: Recorded) => convertedBytes(recorded, weights),
  };
}

const inputsOf = (extreme: Extreme): Values => {
  const shape = [1, 3, extreme.side, extreme.side];
  return new Map([["pixel_values", { shape, data: imageOf(extreme) }]]);
};

const shareOf = (values: Float32Array, is: (value: number) => boolean): number =>
  values.filter(is).length / values.length;

/** How far f16 files are from our f32 one, on one provider. */
async function measured(extreme: Extreme, provider: OnnxProvider) {
  const [{ ours, theirs }, inputs] = [filesOf(extreme), inputsOf(extreme)];
  const exact = await runOn.cpu(await ours(false), inputs);
  const wanted = { map: dataOf(exact, map), logits: dataOf(exact, "logits") };
  const offOf = async (file: Uint8Array) => {
    const run = await runOn[provider](file, inputs);
    const found = { map: dataOf(run, map), logits: dataOf(run, "logits") };
    return {
      map: relL2(found.map, wanted.map),
      logits: relL2(found.logits, wanted.logits),
      finite: shareOf(found.map, Number.isFinite),
      nan: shareOf(found.map, Number.isNaN),
      sameClass:
        found.logits.every(Number.isFinite) &&
        `${topClasses(found.logits, 1, 1)}` === `${topClasses(wanted.logits, 1, 1)}`,
    };
  };
  const off = {
    ours: await offOf(await ours(true)),
    theirs: await offOf(await theirs("f16")),
    norms: await offOf(await theirs("f16-norms")),
  };
  if (full) console.info(provider, extreme.name, ...Object.values(off).flatMap(Object.values));
  return off;
}

const held = { finite: 1, sameClass: true };

/** The table of docs/numerics.md is what `npm run test:full` prints here, and in half-range.test.ts of other folders. */
describe("PyTorch's export, by ONNX Runtime's own converter to f16", () => {
  // Of a constant image all values of a channel are the same, and sums round the same way at every step.
  test.each(extremes)("$name: is the same model in f32", async extreme => {
    const [{ ours, theirs }, inputs] = [filesOf(extreme), inputsOf(extreme)];
    const [exact, found] = [await runOn.cpu(await ours(false), inputs), await runOn.cpu(await theirs("f32"), inputs)];
    const most = /constant|zeros/.test(extreme.name) ? 1e-4 : 1e-5;
    for (const name of [map, "logits"])
      expect(relL2(dataOf(found, name), dataOf(exact, name)), name).toBeLessThan(most);
  });

  // It computes in f32 whatever the graph says.
  test.each(extremes)("$name: the CPU's provider holds it", async extreme => {
    for (const off of Object.values(await measured(extreme, "cpu"))) {
      expect(off).toMatchObject(held);
      expect(off.map).toBeLessThan(limit);
      expect(off.logits).toBeLessThan(limit);
    }
  });

  const some = extremes.filter(({ name }) => full || /RMS 1 to 200$|300$|1e-4|is 0|constant image$/.test(name));
  describe.runIf(hasLavapipe)("on the WebGPU provider", () => {
    test.each(some)("$name", async extreme => {
      const { ours, theirs, norms } = await measured(extreme, "webgpu");
      expect(ours).toMatchObject(held);
      expect(ours.map).toBeLessThan(limit);
      expect(ours.logits).toBeLessThan(limit);
      const isLarge = /RMS|300/.test(extreme.name);
      if (isLarge) expect(theirs).toMatchObject({ nan: 1, sameClass: false });
      else expect(theirs.map < limit).toBe(!/1e-4/.test(extreme.name));
      // Their mean is still taken in f16: a sum beyond 65504 is infinite, and one below it has steps of 32.
      expect(norms.finite).toBe(1);
      expect(norms.map < limit).toBe(!isLarge);
    });
  });
});
