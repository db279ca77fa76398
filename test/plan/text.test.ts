import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { plan } from "../../src/compile.ts";
import { cudaTarget } from "../../src/emit/cuda/target.ts";
import type { KernelTarget } from "../../src/emit/target.ts";
import { wgslTarget } from "../../src/emit/wgsl/target.ts";
import type { Model } from "../../src/model/model.ts";
import type { SiteLayout } from "../../src/passes/site-layout.ts";
import {
  activationsOf,
  bytesMoved,
  macsOf,
  movedBy,
  relativeWork,
  scratchBytes,
  weightBytes,
} from "../../src/plan/cost.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { printPlan } from "../../src/plan/print.ts";
import { checkText, must } from "../syntax/support.ts";

const targets: readonly KernelTarget[] = [
  wgslTarget("gpu", false),
  wgslTarget("swiftshader", true),
  cudaTarget("bf16"),
];

const models = must(
  checkText(`
model classifier { depths [1, 1]  dims [8, 12]  input 32x64x3  head classifier { classes 5 } }
model odd { depths [1, 1]  dims [5, 6]  kernel_size 3  mlp_ratio 3  stem patch 2  input 20x28x1  head classifier { classes 0 } }
model shared extends classifier { grn per_batch  layer_scale 1e-6  stem patch 2 }
model plain { depths [1, 1]  dims [16, 24]  grn none  input 24x24x3  head features { levels [1, 2]  norm true } }
model wide { depths [1]  dims [4400]  mlp_ratio 1  input 4x8x3  head classifier { classes 3 } }
model large { depths [1]  dims [8]  input 288x288x3  head features { levels [1]  norm false } }
model autoencoder {
  depths [1, 1]  dims [8, 12]  input 48x64x3
  head fcmae { mask_ratio 0.6  patch_size 8  decoder { depth 1  dim 8 }  norm_pix_loss true }
}
model batch_autoencoder extends autoencoder {
  grn per_batch
  head fcmae { mask_ratio 0.75  patch_size 16  decoder { depth 1  dim 7 }  norm_pix_loss false }
}
`),
).models;

interface Form {
  readonly model: string;
  readonly sites?: SiteLayout;
  readonly taps?: readonly string[];
  /** All targets; else WGSL for GPUs alone. */
  readonly everywhere?: true;
}

const forms: Readonly<Record<string, Form>> = {
  classifier: { model: "classifier", everywhere: true },
  "classifier, all tapped": {
    model: "classifier",
    taps: ["dwconv", "norm", "pwconv1", "act", "grn", "pwconv2"].map(name => `stages.0.0.${name}`),
  },
  odd: { model: "odd" },
  shared: { model: "shared" },
  plain: { model: "plain" },
  wide: { model: "wide" },
  large: { model: "large" },
  "autoencoder, compact": { model: "autoencoder", sites: "compact", everywhere: true },
  "autoencoder, masked": { model: "autoencoder", sites: "masked" },
  "autoencoder, tapped": { model: "autoencoder", sites: "compact", taps: ["loss_per_patch", "stages.0.0.act"] },
  "batch autoencoder, compact": { model: "batch_autoencoder", sites: "compact" },
  "batch autoencoder, masked": { model: "batch_autoencoder", sites: "masked" },
};

/** What each step is taken to cost, and all of them. */
function costs(made: Plan): string {
  const lines = made.steps.map(step => {
    const { fixed, each } = movedBy(step);
    const figures = `${macsOf(step)} macs, ${activationsOf(step)} activations, ${fixed} and ${each} bytes`;
    return `%${step.name}: ${figures}, ${relativeWork(step)} in all\n`;
  });
  const all = [bytesMoved(made), bytesMoved(made, 3), weightBytes(made), scratchBytes(made)];
  return `${lines.join("")}bytes of one image, of three, of weights, of scratch: ${all.join(", ")}\n`;
}

const fileOf = (form: string): string => `${form.replaceAll(/,? /g, "-")}.txt`;

test.each(Object.keys(forms))(
  "the plans of %s; where others are right: npx vitest run test/plan/text.test.ts -u",
  async form => {
    const { model, everywhere = false, ...request } = forms[form] as Form;
    const texts = (everywhere ? targets : targets.slice(0, 1)).map(target => {
      const given = { ...request, model: models.get(model) as Model, target, batch: { min: 1, max: 2 } };
      const { plan: made } = must(plan(given));
      return `${printPlan(made)}${costs(made)}`;
    });
    await expect(texts.join("\n")).toMatchFileSnapshot(path.join(import.meta.dirname, "text", fileOf(form)));
  },
);

test("no snapshot is left over", () => {
  const files = fs.readdirSync(path.join(import.meta.dirname, "text")).sort();
  expect(files).toEqual(Object.keys(forms).map(fileOf).sort());
});
