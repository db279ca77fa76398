import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { plan } from "../../src/compile.ts";
import { choicesAt, mlpCandidates } from "../../src/emit/cuda/candidates.ts";
import { cudaTarget } from "../../src/emit/cuda/target.ts";
import type { KernelTarget } from "../../src/emit/target.ts";
import { wgslTarget } from "../../src/emit/wgsl/target.ts";
import type { Model } from "../../src/model/model.ts";
import type { Plan, Step } from "../../src/plan/plan.ts";
import { printPlan } from "../../src/plan/print.ts";
import { readPlan } from "../../src/plan/read.ts";
import { verifyKernels, verifyPlan } from "../../src/plan/verify.ts";
import { randomFcmae } from "../support/fcmae.ts";
import { model, randomModel } from "../support/models.ts";
import { checkFiles, filesOf, must } from "../syntax/support.ts";

const specs = ["convnextv2.cnx", "fcmae.cnx", "features.cnx", "micro.cnx"];
const published = must(
  checkFiles(
    filesOf({
      "input.cnx": specs.map(file => `import "./${file}"`).join("\n"),
      ...Object.fromEntries([...specs, "384.cnx"].map(file => [file, readFileSync(`specs/${file}`, "utf8")])),
    }),
  ),
).models;

/** What a text does not say: where in a spec something comes from. */
const withoutSpans = ({ buffers, setup, steps, ...rest }: Plan) => {
  const bare = <T extends object>(of: T) => ({ ...of, span: null, scope: null });
  return { ...rest, buffers: [...buffers.values()].map(bare), setup: setup.map(bare), steps: steps.map(bare) };
};

const targets: Readonly<Record<string, () => KernelTarget>> = {
  "WGSL in f32": () => wgslTarget("gpu", false),
  "WGSL in f16": () => wgslTarget("swiftshader", true),
  "CUDA in f32": () => cudaTarget("f32"),
  "CUDA in tf32": () => cudaTarget("f32", { tf32: true }),
  "CUDA in bf16": () => cudaTarget("bf16"),
};

const planned = (of: Model, target: KernelTarget, max = 2): Plan =>
  must(plan({ model: of, target, batch: { min: 1, max } })).plan;

function expectReadBack(made: Plan, target: KernelTarget): void {
  const read = readPlan(printPlan(made), target);
  expect(withoutSpans(read)).toEqual(withoutSpans(made));
  expect(printPlan(read)).toBe(printPlan(made));
}

describe.each(Object.entries(targets))("a plan reads back: %s", (_, target) => {
  test.each(["atto", "tiny", "atto_fcmae", "tiny_features", "micro"])("%s", name => {
    expectReadBack(planned(published.get(name) as Model, target()), target());
  });
  test.each([0, 1, 2, 3, 4, 5])("random models %i", seed => {
    expectReadBack(planned(randomModel(seed).model, target()), target());
    expectReadBack(planned(randomFcmae(seed).model, target()), target());
  });
});

test("a plan whose linears are merged and split reads back", () => {
  const usual = planned(published.get("atto") as Model, cudaTarget("bf16"));
  const pairs = mlpCandidates(usual, 101_376).map(({ of }) => of);
  const merged = cudaTarget("bf16", { tuned: () => choicesAt(pairs, 1) });
  const made = planned(published.get("atto") as Model, merged);
  expect(made.steps.map(({ kind }) => kind)).toContain("mlp");
  expect(printPlan(made)).toContain(".partials");
  expectReadBack(made, merged);
});

describe("what cannot run is refused", () => {
  const target = wgslTarget("gpu", false);
  const text = printPlan(planned(model({ depths: [2], dims: [8] }), target));
  /** The text with one place of it changed. */
  const changed = (from: RegExp, to: string): string => {
    expect(text).toMatch(from);
    return text.replace(from, to);
  };

  test.each([
    [
      "a value that nothing wrote",
      /input: %stages\.0\.0\.norm/,
      "input: %stages.0.1.norm",
      /reads '.*', which nothing wrote/,
    ],
    ["a value of nobody", /input: %stages\.0\.0\.norm/, "input: %nobody", /no type|no buffer for 'nobody'|in which/],
    [
      "two that write one value",
      /output: %stages\.0\.1\.norm/,
      "output: %stages.0.0.norm",
      /writes '.*', which is there already/,
    ],
    [
      "two values in one place",
      /(%stages\.0\.0\.act: scratch .* in arena )\d+ at \d+/,
      "$10 at 0",
      /share|ends beyond/,
    ],
    ["a buffer that is too small", /(%stages\.0\.0\.norm: scratch f32\[N \* )\d+/, "$18", /only 8/],
    ["another type than the kernel takes", /(%stages\.0\.0\.norm: scratch )f32/, "$1bf16", /is no operand of a/],
    ["another grid", /\{\d+ x \d+ x N groups of/, "{7 x 7 x N groups of", /not 7 x 7 x N/],
    ["a batch that is none", /%stages\.0\.0\.norm: scratch f32\[N \* /, "%stages.0.0.norm: scratch f32[", /batched/],
    ["an operand that a kernel has not", /gemm\(input/, "gemm(inputs", /does not read 'inputs'/],
    ["a line that is none", / = gemm\(/, " is gemm(", /not a kernel/],
  ] as const)("%s", (_, from, to, message) => {
    expect(() => readPlan(changed(from, to), target)).toThrow(message);
  });

  test("an output that nothing writes", () => {
    const made = planned(model({ depths: [1], dims: [8] }), target);
    expect(() => verifyPlan({ ...made, steps: made.steps.slice(0, -1) }, "buffers")).toThrow(
      "nothing writes the output",
    );
  });

  test("weights of one allocation that overlap, or reach beyond it", () => {
    const cuda = cudaTarget("f32");
    const lines = printPlan(planned(model({ depths: [1], dims: [8] }), cuda));
    expect(() => readPlan(lines.replace(/ in weights at 256/, " in weights at 128"), cuda)).toThrow("the next weight");
    expect(() => readPlan(lines.replace(/weights \d+ bytes/, "weights 512 bytes"), cuda)).toThrow("all weights");
  });

  test.each<[string, (step: Step) => object, string]>([
    ["a kernel that is launched otherwise", ({ grid: [x, y] }) => ({ grid: [x + 1, y] }), "is not launched as a"],
    ["threads of another group", ({ workgroup: [x, y] }) => ({ workgroup: [x, y + 1] }), "is not launched as a"],
    ["more images at a time", () => ({ images: 2 }), "is not launched as a"],
    ["an operand fewer", ({ operands }) => ({ operands: operands.slice(1) }), "has not the operands of a"],
    [
      "an operand of another size",
      ({ operands }) => ({ operands: operands.map(of => ({ ...of, elements: of.elements - 1 })) }),
      "is no operand of a",
    ],
  ])("%s", (_, change, message) => {
    const made = planned(model({ depths: [1], dims: [8] }), target);
    expect(() => verifyKernels(made, target)).not.toThrow();
    const steps = made.steps.map(step => (step.kind === "gemm" ? { ...step, ...change(step) } : step));
    expect(() => verifyKernels({ ...made, steps } as Plan, target)).toThrow(message);
  });

  test("statistics in 16 bits", () => {
    const made = planned(model({ depths: [1], dims: [8] }), wgslTarget("gpu", true));
    const steps = made.steps.map(step => ({
      ...step,
      operands: step.operands.map(of => (of.role === "bias" ? { ...of, storage: "f16" as const } : of)),
    }));
    expect(() => verifyPlan({ ...made, steps } as Plan, "buffers")).toThrow("keeps its bias in 16 bits");
  });
});
