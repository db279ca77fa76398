import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { constantsOf } from "../../../src/emit/onnx/constants.ts";
import { floatTypes } from "../../../src/emit/onnx/float-types.ts";
import { onnx, onnxModel } from "../../../src/emit/onnx/onnx.ts";
import { preprocessProblems } from "../../../src/emit/onnx/preprocess-graph.ts";
import { onnxText } from "../../../src/emit/onnx/text.ts";
import { inMemoryContext } from "../../../src/emit/target.ts";
import { build } from "../../../src/graph/build.ts";
import { resolve } from "../../../src/graph/graph.ts";
import { verify } from "../../../src/graph/verify.ts";
import type { Model } from "../../../src/model/model.ts";
import { compactSitesAs } from "../../../src/passes/compact-sites.ts";
import { runPasses } from "../../../src/passes/pass.ts";
import type { SiteLayout } from "../../../src/passes/site-layout.ts";
import { nondegenerateWeights } from "../../../src/weights/made/nondegenerate.ts";
import { model } from "../../support/models.ts";
import { checkText, must } from "../../syntax/support.ts";

interface Form {
  readonly opset?: 17 | 20;
  readonly half?: boolean;
  readonly preprocess?: boolean;
  readonly sites?: SiteLayout;
}

function lowered(model: Model, { opset = 20, half = false, preprocess = false, sites = "auto" }: Form) {
  const graph = verify(
    runPasses(must(build(model)), [compactSitesAs(sites), ...onnx.rewriting]),
    onnx.name,
    onnx.legal,
  );
  const context = { ...inMemoryContext, model, preprocess, onnx: { opset, layout: "plain" as const } };
  return { graph, onnx: onnxModel(graph, context, half ? floatTypes : null) };
}

/** The whole graph, a line a node. */
const textOf = (model: Model, form: Form): string => onnxText(lowered(model, form).onnx);

/** Of every weight of the file a figure that no two of its values could swap without changing it. */
async function valuesOf(model: Model, form: Form): Promise<string> {
  const { graph, onnx } = lowered(model, form);
  const params = [...graph.nodes.values()].filter(({ op }) => op === "param");
  const weights = nondegenerateWeights(
    1,
    params.map(({ id, type }) => ({ name: id, shape: resolve(type.shape, 1) })),
  );
  const constants = constantsOf(graph, weights);
  const lines: string[] = [];
  for (const initializer of onnx.graph.initializers) {
    if (initializer.kind !== "computed") continue;
    const values = await initializer.compute(constants);
    const figure = values.reduce((sum, value, i) => sum + value * ((i % 9973) + 1), 0);
    lines.push(
      `${initializer.name} [${initializer.shape.join(",")}] ${values.length} values: ${figure.toPrecision(9)}\n`,
    );
  }
  return lines.join("");
}

const models = must(
  checkText(`
model classifier { depths [1, 1]  dims [8, 12]  input 32x64x3  head classifier { classes 5 } }
model shared extends classifier { grn per_batch  layer_scale 1e-6  stem patch 2  mlp_ratio 3 }
model square extends classifier { input 64x64x3 }
model large extends classifier { input 384x384x3 }
model vast extends classifier { input 16384x16384x3 }
model vast_shared extends vast { grn per_batch }
model tanh extends classifier { kernel_size 3  activation gelu_tanh }
model pooled extends classifier { head classifier { classes 0 } }
model maps extends classifier { head features { levels [1, 2] } }
model masked { depths [1, 1]  dims [8, 16]  input 64x64x3  head fcmae { patch_size 32  decoder { depth 1  dim 12 }  mask_ratio 0.5 } }
model vast_masked extends masked { input 16384x16384x3 }
model raw extends masked { grn per_batch  head fcmae { patch_size 32  decoder { depth 1  dim 12 }  mask_ratio 0.5  norm_pix_loss false } }
`),
).models;

const forms: readonly (readonly [model: string, what: string, form: Form])[] = [
  ["classifier", "f32", {}],
  ["classifier", "opset-17", { opset: 17 }],
  ["classifier", "f16", { half: true }],
  ["classifier", "preprocess", { preprocess: true }],
  ["square", "preprocess", { preprocess: true }],
  ["large", "preprocess", { preprocess: true }],
  ["vast", "f32", {}],
  ["vast", "f16", { half: true }],
  ["vast_shared", "f32", {}],
  ["vast_masked", "masked-f16", { sites: "masked", half: true }],
  ["tanh", "f32", {}],
  ["tanh", "f16", { half: true }],
  ["classifier", "preprocess-f16", { preprocess: true, half: true, opset: 17 }],
  ["shared", "f32", {}],
  ["shared", "f16", { half: true, opset: 17 }],
  ["pooled", "f32", {}],
  ["maps", "f32", {}],
  ["maps", "f16", { half: true }],
  ["masked", "compact", { sites: "compact" }],
  ["masked", "masked", { sites: "masked", opset: 17 }],
  ["masked", "compact-f16", { sites: "compact", half: true }],
  ["masked", "masked-f16", { sites: "masked", half: true }],
  ["raw", "compact", { sites: "compact", opset: 17 }],
];

test.each(forms)(
  "the graph of %s, %s; where another is right: npx vitest run test/emit/onnx/text.test.ts -u",
  async (name, what, form) => {
    const text = textOf(models.get(name) as Model, form);
    await expect(text).toMatchFileSnapshot(path.join(import.meta.dirname, "text", `${name}-${what}.txt`));
  },
);

const valued: typeof forms = [
  ["classifier", "f32", {}],
  ["classifier", "f16", { half: true }],
  ["maps", "f32", {}],
  ["masked", "compact", { sites: "compact" }],
  ["masked", "masked-f16", { sites: "masked", half: true }],
];

test.each(valued)("the weights of %s, %s", async (name, what, form) => {
  const text = await valuesOf(models.get(name) as Model, form);
  expect(text.split("\n").length).toBeGreaterThan(10);
  await expect(text).toMatchFileSnapshot(path.join(import.meta.dirname, "text", `${name}-${what}-values.txt`));
});

test("no snapshot is left over", () => {
  const files = fs.readdirSync(path.join(import.meta.dirname, "text")).sort();
  const named = [
    ...forms.map(([name, what]) => `${name}-${what}.txt`),
    ...valued.map(([name, what]) => `${name}-${what}-values.txt`),
  ];
  expect(files).toEqual(named.sort());
});

test("a graph that fits images needs opset 20, and readers that do not", () => {
  const problems = (opset: 17 | 20, layout: "plain" | "huggingface") =>
    preprocessProblems({ onnx: { opset, layout }, model: model({}) }).map(({ code, message }) => `${code}: ${message}`);
  expect(problems(20, "plain")).toEqual([]);
  expect(problems(17, "plain")).toEqual([
    "preprocess-misplaced: --preprocess cannot be had with opset 17; it needs --opset 20",
  ]);
  expect(problems(20, "huggingface")).toEqual([
    "preprocess-misplaced: --preprocess cannot be had with --layout huggingface, whose readers preprocess; it needs --layout plain",
  ]);
});
