import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { plan } from "../../../src/compile.ts";
import { candidates, choicesAt } from "../../../src/emit/cuda/candidates.ts";
import { shippedTables } from "../../../src/emit/cuda/shipped-tables.ts";
import { cudaTarget } from "../../../src/emit/cuda/target.ts";
import { mergeRows, printTable, readTable, type TuningTable, tunedBy } from "../../../src/emit/cuda/tuning-table.ts";
import type { Batch } from "../../../src/model/model.ts";
import { distinctKernels, type Plan } from "../../../src/plan/plan.ts";
import { productKey, type TunedChoices, untuned } from "../../../src/plan/tiles/tuned-choices.ts";
import { utf8 } from "../../../src/weights/formats/utf8.ts";
import { cnxc } from "../../support/cli.ts";
import { newFolder } from "../../support/folders.ts";
import { readGolden } from "../../support/golden.ts";
import { goldenModel } from "../../support/models.ts";
import { must } from "../../syntax/support.ts";

function planOf(size: string, max: number, tuned: (batch: Batch) => TunedChoices = () => untuned): Plan {
  const model = goldenModel(readGolden(`dense/${size}-224x224-b1`));
  return must(plan({ model, target: cudaTarget("bf16", { tuned }), batch: { min: 1, max } })).plan;
}

const least = 101_376;

describe("candidates", () => {
  test.each([
    ["atto", 1],
    ["atto", 256],
    ["base", 1],
    ["base", 256],
  ] as const)("%s at batch %i: the usual first, all different, none too large", (size, batch) => {
    const usual = planOf(size, batch);
    const shapes = candidates(usual, least);
    expect(planOf(size, batch, () => choicesAt(shapes, 0)).steps).toEqual(usual.steps);
    expect(shapes.filter(({ kernel }) => kernel === "depthwise")).toHaveLength(4);
    expect(shapes.filter(({ kernel }) => kernel === "product")).toHaveLength(11);
    expect(Math.min(...shapes.map(({ candidates }) => candidates.length))).toBeGreaterThan(3);
    for (const { candidates: choices } of shapes)
      expect(new Set(choices.map(one => JSON.stringify(one))).size).toBe(choices.length);
  });

  test("the inner dimension is split where there are few blocks, at batch 1", () => {
    const splits = (batch: number) =>
      candidates(planOf("tiny", batch), least).flatMap(({ kernel, shape, candidates }) =>
        kernel === "product" && candidates.some(({ split }) => split > 1) ? [productKey(shape)] : [],
      );
    expect(splits(1)).toContain("49x3072x768");
    expect(splits(1)).not.toContain("49x768x3072"); // it makes the statistics of its result
    expect(splits(256)).toEqual([]);
  });

  test("what asks for more shared memory than the device has is left out", () => {
    const plan = planOf("base", 256);
    const many = (shared: number) =>
      candidates(plan, shared).reduce((sum, { candidates }) => sum + candidates.length, 0);
    expect(many(65_536)).toBeLessThan(many(least));
    expect(many(least)).toBeLessThanOrEqual(many(232_448));
  });
});

describe("tables", () => {
  const row = (batch: number, step: 32 | 64) =>
    ({
      kernel: "product",
      shape: { rows: 196, depth: 384, columns: 1536 },
      dtype: "bf16",
      batch,
      choice: { rows: 128, columns: 128, warpRows: 64, step, stages: 4, split: 1 },
      times: { milliseconds: 1, usual: 2 },
    }) as const;
  const table = (...rows: TuningTable["rows"]): TuningTable => ({ architecture: "sm_90", device: "a GPU", rows });

  test("the row of the nearest batch serves a build, up to four times away", () => {
    const both = table(row(256, 64), row(8, 32));
    const step = (max: number) =>
      tunedBy(both, "bf16", { min: 1, max }).products.get(productKey(row(1, 32).shape))?.step;
    expect([1, 2, 8, 30, 64, 256, 1024, 1025].map(step)).toEqual([undefined, 32, 32, 32, 64, 64, 64, undefined]);
    expect(tunedBy(both, "f16", { min: 1, max: 256 }).products.size).toBe(0);
  });

  test("print and read are inverse, merging keeps the later of two rows and one order", () => {
    const merged = mergeRows([row(8, 32), row(256, 32)], [row(256, 64), row(1, 32)]);
    expect(merged.map(({ batch }) => batch)).toEqual([1, 8, 256]);
    expect(merged.at(-1)).toEqual(row(256, 64));
    const text = printTable(table(...merged));
    expect(readTable(utf8(text), "t.json")).toMatchObject({ ok: true, value: table(...merged) });
    expect(text.split("\n").filter(line => line.includes('"kernel"'))).toHaveLength(3);
  });

  test.each([
    ["{", "the file is not JSON"],
    ["[]", "the file is not an object"],
    ['{"format":2}', "format is not 1"],
    ['{"format":1,"architecture":"gfx90a"}', "architecture is not a name such as sm_90"],
    ['{"format":1,"architecture":"sm_90","device":"x","rows":[1]}', "rows[0] is not an object"],
    [printTable(table(row(1, 32))).replace('"step":32', '"step":48'), "rows[0].choice.step is not one of 32, 64"],
    [
      printTable(table(row(1, 32))).replace('"choice":{"rows":128,"columns":128', '"choice":{"rows":112,"columns":80'),
      "rows[0].choice.columns is not one of 32, 64, 96, 128",
    ],
    [
      printTable({
        ...table(),
        rows: [
          {
            kernel: "depthwise",
            shape: { height: 14, width: 14, channels: 40, kernel: 7 },
            dtype: "bf16",
            batch: 1,
            choice: { rows: 4, columns: 7, strip: 14, groups: 1 },
            times: null,
          },
        ],
      }),
      "rows[0].choice.strip is not a multiple of 4",
    ],
    [
      printTable(table(row(1, 32)))
        .replace('"kernel":"product"', '"kernel":"depthwise"')
        .replace(/"choice":\{[^}]*\}/, '"choice":{"rows":{"toString":1}}'),
      "rows[0].shape.rows is not one of the fields height, width",
    ],
    [
      `{"format":1,"architecture":"sm_90","device":"x","rows":[{"kernel":"depthwise","shape":{"height":1,"width":1,"channels":1,"kernel":1},"dtype":"f32","batch":1,"choice":{"rows":{"toString":1}},"times":null}]}`,
      "rows[0].choice.rows is not one of 1, 2, 4, 7",
    ],
    [printTable(table(row(1, 32))).replace("384", "0"), "rows[0].shape.depth is not a whole number from 1"],
    [
      printTable(table(row(1, 32))).replace('"usual":2', '"usual":"2"'),
      "rows[0].times.usual is not a number from 0 to 1000000000",
    ],
    [printTable(table(row(1, 32))).replace("product", "stem"), "rows[0].kernel is not one of product, depthwise"],
  ])("a wrong table is refused by its first wrong field: %#", async (text, said) => {
    const folder = newFolder();
    const file = path.join(folder, "table.json");
    writeFileSync(file, text);
    const { stderr, code } = await cnxc([
      "compile",
      "specs/micro.cnx",
      "-m",
      "micro",
      "-t",
      "cuda",
      "--cuda-tuning",
      file,
      "-o",
      path.join(folder, "out"),
    ]);
    expect(stderr).toContain(`this is no tuning table: ${said}`);
    expect(code).toBe(2);
  });

  test("the shipped one speaks of shapes and choices that there are", () => {
    for (const shipped of Object.values(shippedTables)) {
      expect(readTable(utf8(printTable(shipped)), "shipped")).toMatchObject({ ok: true });
      const shapes = candidates(planOf("base", 256), 232_448);
      for (const { shape, choice } of shipped.rows)
        expect(shapes.find(one => JSON.stringify(one.shape) === JSON.stringify(shape))?.candidates).toContainEqual(
          choice,
        );
    }
    const [usual, deep] = [undefined, shippedTables.sm_90].map(table =>
      distinctKernels(planOf("base", 256, of => (table ? tunedBy(table, "bf16", of) : untuned)).steps).kernels.filter(
        ({ params }) => "choice" in params && "step" in params.choice && params.choice.step === 64,
      ),
    );
    expect([usual?.length, deep?.length]).toEqual([0, 11]);
  });
});

describe("--cuda-tuning", () => {
  test.each([
    [["-t", "wgsl", "--cuda-tuning", "sm_90"], "--cuda-tuning is for CUDA libraries, not for wgsl; leave it out"],
    [
      ["-t", "cuda", "--cuda-tuning", "sm_91"],
      "neither a file 'sm_91' nor a table of that name; tables that cnxc has: sm_90",
    ],
  ])("%j is refused", async (words, said) => {
    const { stderr, code } = await cnxc(["compile", "specs/micro.cnx", "-m", "micro", ...words]);
    expect(stderr).toContain(said);
    expect(code).toBe(2);
  });

  test("changes the kernels that the table speaks of, and the manifest names it", async () => {
    const folder = newFolder();
    const { code } = await cnxc([
      ...["compile", "specs/convnextv2.cnx", "-m", "base", "-t", "cuda", "--dtype", "bf16", "--batch", "1..256"],
      ...["--cuda-tuning", "sm_90", "-o", folder],
    ]);
    expect(code).toBe(0);
    expect(readFileSync(path.join(folder, "base/cuda/stages.1.0.pwconv2.cu"), "utf8")).toContain("step = 64");
    expect(readFileSync(path.join(folder, "cnxc.manifest.json"), "utf8")).toContain('"cudaTuning": "sm_90"');
  });
});

test("without a spec and without tables there is nothing to do", async () => {
  const { stderr, code } = await cnxc(["tune", "-o", path.join(newFolder(), "t.json")]);
  expect(stderr).toContain("give a spec to measure, or tables to --merge");
  expect(code).toBe(2);
});

test("two tables of one architecture are merged", async () => {
  const table = path.join(newFolder(), "both.json");
  const { stdout, code } = await cnxc(["tune", "--merge", "sm_90", "--merge", "sm_90", "-o", table]);
  expect([stdout, code]).toEqual([`${shippedTables.sm_90?.rows.length} rows\n`, 0]);
  expect(readFileSync(table, "utf8")).toBe(printTable(shippedTables.sm_90 as TuningTable));
});
