import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { floatTypes } from "../../../src/emit/onnx/float-types.ts";
import { onnx, onnxModel } from "../../../src/emit/onnx/onnx.ts";
import { onnxText } from "../../../src/emit/onnx/text.ts";
import { inMemoryContext } from "../../../src/emit/target.ts";
import { build } from "../../../src/graph/build.ts";
import { verify } from "../../../src/graph/verify.ts";
import type { Model } from "../../../src/model/model.ts";
import { compactSitesAs } from "../../../src/passes/compact-sites.ts";
import { runPasses } from "../../../src/passes/pass.ts";
import type { SiteLayout } from "../../../src/passes/site-layout.ts";
import { checkText, must } from "../../syntax/support.ts";

interface Form {
  readonly opset?: 17 | 20;
  readonly half?: boolean;
  readonly preprocess?: boolean;
  readonly sites?: SiteLayout;
}

/** The whole graph, a line a node. */
function textOf(model: Model, { opset = 20, half = false, preprocess = false, sites = "auto" }: Form): string {
  const graph = verify(runPasses(must(build(model)), [compactSitesAs(sites), ...onnx.passes]), onnx.name, onnx.legal);
  const context = { ...inMemoryContext, model, preprocess, onnx: { opset, layout: "plain" as const } };
  return onnxText(onnxModel(graph, context, half ? floatTypes : null));
}

const models = must(
  checkText(`
model classifier { depths [1, 1]  dims [8, 12]  input 32x64x3  head classifier { classes 5 } }
model shared extends classifier { grn per_batch  layer_scale 1e-6  stem patch 2  mlp_ratio 3 }
model pooled extends classifier { head classifier { classes 0 } }
model maps extends classifier { head features { levels [1, 2] } }
model masked { depths [1, 1]  dims [8, 16]  input 64x64x3  head fcmae { patch_size 32  decoder { depth 1  dim 12 }  mask_ratio 0.5 } }
model raw extends masked { grn per_batch  head fcmae { patch_size 32  decoder { depth 1  dim 12 }  mask_ratio 0.5  norm_pix_loss false } }
`),
).models;

const forms: readonly (readonly [model: string, what: string, form: Form])[] = [
  ["classifier", "f32", {}],
  ["classifier", "opset-17", { opset: 17 }],
  ["classifier", "f16", { half: true }],
  ["classifier", "preprocess", { preprocess: true }],
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

test("no snapshot is left over", () => {
  const files = fs.readdirSync(path.join(import.meta.dirname, "text")).sort();
  expect(files).toEqual(forms.map(([name, what]) => `${name}-${what}.txt`).sort());
});
