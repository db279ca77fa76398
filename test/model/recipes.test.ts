import { describe, expect, test } from "vitest";
import type { Recipe } from "../../src/model/model.ts";
import { checkText, errorsOf, must } from "../syntax/support.ts";

const body = "depths [1, 1]  dims [8, 16]  input 32x32x3";
const models = `model m { ${body} }\nmodel masked { ${body}  head fcmae { patch_size 8 } }\n`;

/** The recipe of a text after the models. */
function recipe(text: string): Omit<Recipe, "span"> {
  const [found] = must(checkText(models + text)).recipes.values();
  if (found === undefined) throw new Error("no recipe");
  const { span: _, ...rest } = found;
  return rest;
}

describe("a recipe", () => {
  test("states everything, as published where nothing is said", () => {
    expect(recipe("train t { model m  steps 100 }")).toEqual({
      name: "t",
      model: "m",
      batch: 64,
      accumulate: 1,
      length: { unit: "steps", count: 100 },
      optimizer: { lr: (1.5e-4 * 64) / 256, betas: [0.9, 0.999], weightDecay: 0.05, decays: "default", eps: 1e-8 },
      schedule: { warmup: 5, total: 100, first: 0, minLr: 0 },
      clip: null,
      ema: null,
      layerDecay: null,
      layerDecayType: "single",
      dropPath: 0,
      smoothing: 0,
      augment: { crop: null, flip: false, mixup: 0, cutmix: 0 },
      seed: 0,
      init: 0.02,
    });
    expect(recipe("train t { model masked  epochs 800 }")).toMatchObject({
      length: { unit: "epochs", count: 800 },
      optimizer: { betas: [0.9, 0.95] },
      schedule: { warmup: 40, total: 800 },
    });
  });

  test("is what it says", () => {
    const text = `train t {
      model masked  batch 2  accumulate 3  steps 8
      optimizer adamw { lr 2e-3  betas [0.8, 0.9]  weight_decay 0.1  decays published_pretrain  eps 1e-6 }
      schedule cosine { warmup 3  total 12  first 2  min_lr 1e-5 }
      clip 0.5  ema 0.99  layer_decay 0.8  drop_path 0.4  seed 7  augment { crop 0.2..1.0  flip true }  init official
    }`;
    expect(recipe(text)).toEqual({
      name: "t",
      model: "masked",
      batch: 2,
      accumulate: 3,
      length: { unit: "steps", count: 8 },
      optimizer: { lr: 2e-3, betas: [0.8, 0.9], weightDecay: 0.1, decays: "published_pretrain", eps: 1e-6 },
      schedule: { warmup: 3, total: 12, first: 2, minLr: 1e-5 },
      clip: 0.5,
      ema: 0.99,
      layerDecay: 0.8,
      layerDecayType: "single",
      dropPath: 0.4,
      smoothing: 0,
      augment: { crop: { min: 0.2, max: 1 }, flip: true, mixup: 0, cutmix: 0 },
      seed: 7,
      init: null,
    });
  });

  test("scales its learning rate by the images of a whole step, where it says per how many it is", () => {
    const lr = (text: string) => recipe(`train t { model m  steps 9  ${text} }`).optimizer.lr;
    expect(lr("batch 64  accumulate 8  optimizer adamw { lr 1e-3  per 256 }")).toBe(2e-3);
    expect(lr("batch 64  accumulate 8  optimizer adamw { lr 1e-3 }")).toBe(1e-3);
    expect(lr("batch 64  accumulate 8  optimizer adamw { eps 1e-7 }")).toBe(3e-4);
  });

  test("names a model, and how long it runs", () => {
    expect(errorsOf(checkText(`${models}train t {}`)).map(({ message }) => message)).toEqual([
      "train t needs steps or epochs",
      "train t needs model",
    ]);
    const [unknown] = errorsOf(checkText(`${models}train t { model maskd  steps 2 }`));
    expect(unknown?.message).toBe("no model is called 'maskd', did you mean 'masked'?");
  });

  test("is told once what is wrong with its model", () => {
    const wrong = errorsOf(checkText("model w { depths [1]  dims [0] }\ntrain t { model w  steps 2 }"));
    expect(wrong.map(({ code }) => code)).toEqual(["out-of-range"]);
  });

  test.each([
    ["batch 0", "out-of-range", "batch 0 is not an integer from 1 to 65536, nearest is 1"],
    ["optimizer sgd", "unknown-word", "optimizer is adamw, not 'sgd'"],
    ["optimizer adamw { betas [0.9] }", "list-length", "betas"],
    ["optimizer adamw { betas [0.9, 1] }", "out-of-range", "optimizer.betas[1] 1 is not a number between 0 and 1"],
    ["optimizer adamw { betas 0.9 }", "wrong-type", "optimizer.betas takes a list of numbers, not the number 0.9"],
    ["optimizer adamw { decays defualt }", "unknown-word", "did you mean 'default'?"],
    ["optimizer adamw { lr -1 }", "out-of-range", "optimizer.lr -1 is not a positive 32-bit float"],
    ["schedule cosine { wramup 1 }", "unknown-field", "cosine has no field 'wramup', did you mean 'warmup'?"],
    ["drop_path 1", "out-of-range", "drop_path 1 is not a number from 0 to less than 1"],
    ["layer_decay 1.1", "out-of-range", "layer_decay 1.1 is not a number from 0 to 1"],
    ["ema 1", "out-of-range", "ema 1 is not a number between 0 and 1"],
    ["clip off", "unknown-word", "clip is none or a positive 32-bit float, not 'off'"],
    ["seed 4294967296", "out-of-range", "seed"],
    ["augment { crop 0.2..1.5 }", "out-of-range", "augment.crop 1.5 is not a number from 0.01 to 1, nearest is 1"],
    ["augment { crop 0..1 }", "out-of-range", "augment.crop 0 is not a number from 0.01 to 1, nearest is 0.01"],
    ["augment { crop 1..0.2 }", "empty-range", "augment.crop goes from 1 up to 0.2, which holds nothing"],
    ["augment { crop 0.2 }", "wrong-type", "augment.crop takes a range such as 0.2..1, not the number 0.2"],
    ["augment { crop 0.1..1 step 0.1 }", "wrong-type", "not a range with a step"],
    ["augment { flip 0.5 }", "wrong-type", "augment.flip takes true or false, not the number 0.5"],
    ["augment { mixup -1 }", "out-of-range", "augment.mixup -1 is not a number from 0 to 100, nearest is 0"],
    ["augment { mixup_alpha 0.8 }", "unknown-field", "augment has no field 'mixup_alpha', did you mean 'mixup'?"],
    ["augment { hflip true }", "unknown-field", "did you mean 'flip'?"],
    ["augment { scale 0.1..1 }", "unknown-field", "did you mean 'crop'?"],
    ["flip true", "unknown-field", "a recipe has no field 'flip', did you mean 'augment'?"],
    ["cutmix_alpha 1", "unknown-field", "did you mean 'augment'?"],
    ["label_smoothing 0.1", "unknown-field", "did you mean 'smoothing'?"],
    ["batch 3  augment { mixup 0.8 }", "odd-to-mix", "and 3 is odd, nearest are 2 and 4"],
    ["init offical", "unknown-word", "did you mean 'official'?"],
  ])("%s is %s", (text, code, sentence) => {
    const [problem, ...more] = errorsOf(checkText(`${models}train t { model m  steps 100  ${text} }`));
    expect(more).toEqual([]);
    expect(problem?.code).toBe(code);
    expect(problem?.message).toContain(sentence);
  });

  test("may end where a range does", () => {
    const text = "drop_path 0  layer_decay 1  smoothing 0.999  schedule cosine { warmup 0  min_lr 0 }";
    expect(must(checkText(`${models}train t { model m  steps 100  ${text} }`)).recipes.size).toBe(1);
  });

  test("of another file is there by its name", () => {
    const [other] = errorsOf(checkText(`${models}train t { model m  steps 9 }\ntrain T { model m  steps 9 }`));
    expect(other?.message).toBe("the recipes 'T' and 't' differ in case only, and names become files");
  });
});
