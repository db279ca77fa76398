import { spawnSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { loadOnnxCodec, type OnnxGraph } from "../../../src/emit/onnx-proto.ts";
import { toF32 } from "../../../src/weights/dtype.ts";
import type { Weights } from "../../../src/weights/tensor.ts";
import { denseWeights, type FcmaeGolden, fcmaeModel, grnScopes, randomFcmae, scopeOf } from "../../support/fcmae.ts";
import { newFolder } from "../../support/folders.ts";
import { full } from "../../support/full.ts";
import { goldenInput, goldenWeights, readGolden } from "../../support/golden.ts";
import { goldenModel, model, mustBuild, randomModel, testInput, testWeights } from "../../support/models.ts";
import { relL2, topClasses } from "../../support/tolerance.ts";
import { bytesOf, type Compile, compiledBytes, onnxOutput, outputsOf, sessionOf } from "./compiled.ts";
import { typesOf } from "./types.ts";

interface Dense {
  readonly logits: { readonly values: number[] };
}

/** Logits rel_l2 of 16-bit storage, from "Tolerances" of test/golden/README.md; the eps file does not fit f16. */
const limit = 5e-3;
const micro = readdirSync(new URL("../../golden/dense", import.meta.url))
  .map(file => `dense/${file.replace(".json", "")}`)
  .filter(file => /micro/.test(file) && !/eps|offset/.test(file));
const published = ["dense/atto-224x224-b1", ...(full ? ["dense/tiny-224x224-b1"] : [])];

const cases = [...micro, ...published].flatMap(file =>
  [true, false].flatMap(optimize =>
    ([20, 17] as const)
      .filter(opset => opset === 20 || full || /micro/.test(file))
      .map(opset => ({ file, opset, optimize })),
  ),
);

describe("f16 on the CPU gives PyTorch's numbers", () => {
  test.each(cases)("$file, opset $opset, optimized $optimize", async ({ file, ...how }) => {
    const golden = readGolden<Dense>(file);
    const model = goldenModel(golden);
    const given = { model, graph: mustBuild(model), weights: goldenWeights(golden), half: true, ...how };
    const found = await outputsOf(await sessionOf(given), model, goldenInput(golden).values);
    const logits = found.get("logits")?.data ?? new Float32Array();
    const off = relL2(logits, golden.logits.values);
    if (full) console.info(file, how.opset, how.optimize, off);
    expect(off).toBeLessThan(limit);
    expect(off).toBeGreaterThan(1e-4); // else nothing was kept in 16 bits
    const images = golden.input.shape[0] as number;
    expect(topClasses(logits, images, 5)).toEqual(topClasses(golden.logits.values, images, 5));
  });

  test.each(
    (["micro-128-b2", "micro-flat-128-b2"] as const).flatMap(file =>
      (["compact", "masked"] as const).flatMap(sites =>
        (full ? grnScopes : (["per_sample"] as const)).map(grn => ({ file, sites, grn })),
      ),
    ),
  )("fcmae $file, $sites, grn $grn", async ({ file, sites, grn }) => {
    const golden = readGolden<FcmaeGolden>(`fcmae/${file}`);
    const recorded = scopeOf(golden, grn);
    const model = fcmaeModel(golden, grn, "norm_pix_loss");
    const given = { model, graph: mustBuild(model), weights: denseWeights(golden), sites, half: true };
    const mask = Float32Array.from(golden.mask.flat());
    const found = await outputsOf(await sessionOf(given), model, goldenInput(golden).values, mask);
    const wide = await outputsOf(await sessionOf({ ...given, half: false }), model, goldenInput(golden).values, mask);
    const off = relL2(found.get("pred")?.data ?? [], wide.get("pred")?.data ?? []);
    const loss = Math.abs((found.get("loss")?.data[0] ?? 0) / recorded.loss.norm_pix_loss - 1);
    if (full) console.info(file, sites, grn, off, loss);
    expect(off).toBeLessThan(limit);
    expect(off).toBeGreaterThan(1e-4);
    expect(loss).toBeLessThan(limit);
  });
});

const small = model({});
const graph = mustBuild(small);
const weights = testWeights(graph, 3);
const given: Compile = { model: small, graph, weights, half: true };
const { decodeModel } = await loadOnnxCodec();

async function decoded(compile: Compile): Promise<OnnxGraph> {
  const { graph } = decodeModel((await compiledBytes(compile)).model);
  if (graph === null) throw new Error("a model without a graph");
  return graph;
}
/** Models of every kind, with names of outputs that are taken by inner values as well. */
const variants: readonly Compile[] = [
  ...Array.from({ length: full ? 100 : 12 }, (_, seed) => randomModel(seed).model),
  ...Array.from({ length: full ? 100 : 12 }, (_, seed) => randomFcmae(seed).model),
].flatMap(model => {
  const graph = mustBuild(model);
  const one = { model, graph, weights: testWeights(graph, 1), half: true };
  return (["compact", "masked"] as const).flatMap(sites =>
    ([17, 20] as const).map(opset => ({ ...one, sites, opset })),
  );
});

describe("the graph in f16", () => {
  test("every operator gets operands of types that it takes", async () => {
    for (const variant of variants) {
      const { inputs, outputs, ...rest } = await decoded(variant);
      expect(() => typesOf({ inputs, outputs, ...rest })).not.toThrow();
      expect(new Set([...inputs, ...outputs].map(({ dtype }) => dtype))).toEqual(new Set(["f32"]));
    }
  });

  test("what sums and normalises is f32, layers are f16", async () => {
    const graph = await decoded(given);
    const types = typesOf(graph);
    const of = (op: string, name: RegExp) =>
      graph.nodes.filter(node => node.op === op && name.test(node.name)).map(node => types.get(node.outputs[0] ?? ""));
    const every = (op: string, name: RegExp): readonly unknown[] => [...new Set(of(op, name))];
    expect(every("LayerNormalization", /./)).toEqual(["f32"]);
    expect(every("Sqrt", /grn/)).toEqual(["f32"]);
    expect(every("MatMul", /squares/)).toEqual(["f32"]);
    expect(every("Conv", /downsample/)).toEqual(["f32"]);
    expect(every("Conv", /dwconv/)).toEqual(["f16"]);
    expect(every("MatMul", /pwconv/)).toEqual(["f16"]);
    expect(every("Gemm", /head/)).toEqual(["f16"]);
    expect(every("Gelu", /./)).toEqual(["f16"]);
  });

  test("no tensor is cast twice to one type, none back", async () => {
    for (const variant of variants) {
      const { nodes } = await decoded(variant);
      const casts = nodes.filter(({ op }) => op === "Cast");
      const keys = casts.map(({ inputs, attributes }) => `${inputs} ${attributes[0]?.value}`);
      expect(new Set(keys).size).toBe(keys.length);
      const made = new Map(casts.map(node => [node.outputs[0], node]));
      const floats = (to: unknown): boolean => to === 1 || to === 10;
      for (const { inputs, attributes } of casts)
        if (floats(attributes[0]?.value)) expect(floats(made.get(inputs[0])?.attributes[0]?.value)).toBe(false);
    }
  });

  test("its matrices are the others, rounded once", async () => {
    const wide = new Map((await decoded({ ...given, half: false })).initializers.map(tensor => [tensor.name, tensor]));
    const narrow = (await decoded(given)).initializers.filter(({ name }) => name.endsWith("pwconv2.weight/transposed"));
    expect(narrow.map(({ dtype }) => dtype)).toEqual(["f16", "f16"]);
    for (const { name, data } of narrow) {
      const values = toF32.F16(new Uint8Array(data as Uint8Array));
      const exact = toF32.F32(new Uint8Array(wide.get(name)?.data as Uint8Array));
      values.forEach((value, i) => {
        const wanted = exact[i] as number;
        expect(Math.abs(value - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * 2 ** -11 + 2 ** -25);
      });
    }
  });

  const onnxPython = ["python3"].find(python => spawnSync(python, ["-c", "import onnx"]).status === 0);
  test.skipIf(onnxPython === undefined)("onnx.checker infers the same types", async () => {
    const folder = newFolder();
    const files: string[] = [];
    for (const [i, variant] of variants.entries()) {
      const file = path.join(folder, `${i}.onnx`);
      writeFileSync(file, (await compiledBytes(variant)).model);
      files.push(file);
    }
    const check = "import onnx, sys\nfor f in sys.argv[1:]: onnx.checker.check_model(f, full_check=True)";
    const { status, stderr } = spawnSync(onnxPython ?? "", ["-c", check, ...files], { encoding: "utf8" });
    expect(status, stderr).toBe(0);
  });
});

describe("files of f16", () => {
  const input = testInput(small, 2, 4);
  const logits = async (compile: Compile) =>
    (await outputsOf(await sessionOf(compile), small, input)).get("logits")?.data as Float32Array;

  test("have the name that transformers.js looks for, and half the weights", async () => {
    const files = onnxOutput({ ...given, layout: "huggingface" });
    expect(files.map(file => file.path)).toEqual(["onnx/model_fp16.onnx", "config.json", "preprocessor_config.json"]);
    const config = JSON.parse(new TextDecoder().decode(await bytesOf(files[1] as never)));
    expect(config["transformers.js_config"]).toEqual({ dtype: "fp16" });
  });

  test("external data: the same weights, at places of their lengths", async () => {
    const apart = { ...given, limit: 0 };
    const paths = onnxOutput({ ...apart, layout: "huggingface" });
    expect(paths.map(file => file.path).slice(0, 2)).toEqual(["onnx/model_fp16.onnx", "onnx/model_fp16.onnx_data"]);
    const config = JSON.parse(new TextDecoder().decode(await bytesOf(paths[2] as never)));
    expect(config["transformers.js_config"].use_external_data_format).toEqual({ "model_fp16.onnx": true });
    for (const { name, shape, dtype, data } of (await decoded(apart)).initializers)
      if (data !== null && "location" in data)
        expect(data.length, name).toBe(shape.reduce((a, b) => a * b, dtype === "f16" ? 2 : 4));
    expect(await logits(apart)).toEqual(await logits(given));
  });

  test("a value that f16 lacks is an error that names it", async () => {
    const f32: Weights["f32"] = async name => {
      const values = (await weights.f32(name)).slice();
      if (name === "stages.1.0.pwconv2.weight") values[5] = -70000;
      return values;
    };
    const beyond = { ...given, weights: { origin: "test", f32 } };
    await expect(compiledBytes(beyond)).rejects.toThrow(
      /^value \d+ of 'stages\.1\.0\.pwconv2\.weight\/transposed' is -70000, but f16 ends at 65504; compile .* f32$/,
    );
    await compiledBytes({ ...beyond, half: false });
  });
});
