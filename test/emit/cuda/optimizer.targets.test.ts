import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { renderTemplate } from "../../../src/embedded/render-template.ts";
import { optimizerFiles } from "../../../src/emit/cuda/trainer/optimizer.ts";
import { builtOnce } from "../../support/built-once.ts";
import { hasGxx } from "../../support/cuda-tools.ts";

/** A fault: what it is, and the change of the text that it is. */
const faults: readonly (readonly [what: string, from: string | RegExp, to: string])[] = [
  ["the share left out", "sum[i] + share * gradient[i]", "sum[i] + gradient[i]"],
  ["the first of a step added to what was there", "first ? share * sum[i] :", ""],
  ["elements past the end added", "if (i < elements) sum[i]", "sum[i]"],
  ["threads that take each other's elements", "static_cast<size_t>(e)) * threads", "static_cast<size_t>(e)) * 128"],
  ["the last part of a shelf not in the norm", "i < start + 4096 && i < shelf", "i < start + 4096 && i + 4096 < shelf"],
  ["squares past the end in the norm", "i < start + 4096 && i < shelf", "i < start + 4096"],
  ["squares of another part", "block_x()) * 4096", "block_x()) * 2048"],
  ["parts left out of the norm", "i < partial_count; i +=", "i < partial_count - 1; i +="],
  ["clipping without a bound", "clip > 0.0f && whole > clip", "whole > clip"],
  ["a norm that is not finite taken", /if \(!\(sum <= .*\n/, "\n"],
  ["a step that should be skipped", "if (scale == 0.0f) return;", ""],
  ["gradients not clipped", "state.gradient[i] * scale", "state.gradient[i]"],
  ["the treatment of another parameter", "i / 64 * 2;", "i / 128 * 2;"],
  ["decay at the moments' rate", "lr * treatment[1] * before", "treatment[1] * before"],
  [
    "decay in the moments",
    "const float m = beta1 * state.exp_avg[i] +",
    "const float m = treatment[1] * state.param[i] + beta1 * state.exp_avg[i] +",
  ],
  ["the second moment of the first's rate", "beta2 * state.exp_avg_sq[i]", "beta1 * state.exp_avg_sq[i]"],
  ["eps before the correction", "/ (square_root(v) / second + eps)", "/ ((square_root(v) + eps) / second)"],
  ["no correction of the first moment", "lr / first * m", "lr * m"],
  ["the average of the weights before the update", "(after - state.ema[i])", "(before - state.ema[i])"],
  ["no barrier in a sum of a block", /(sums\[thread\(\) \/ 32\] = x;\n) +barrier\(\);\n/, "$1"],
  ["the last shelf's elements left as they are", "if (i >= shelf) return;", "if (i >= shelf - 64) return;"],
];

/** Two whole parts and a ragged third. */
const shelf = 2 * 4096 + 13 * 64;

const textsOf = (name: string, change: (text: string) => string) => {
  const namespace = `cnxc_${name}`;
  const { header, kernels } = optimizerFiles({ namespace, shelf, partials: 3, ema: true });
  return {
    [`${name}.h`]: header,
    [`${name}.cu`]: change(kernels).replace("optimizer.h", `${name}.h`),
  };
};

describe.runIf(hasGxx)("what acts on all parameters alike, as fibers of a CPU", () => {
  let folder = "";
  const names = ["good", ...faults.map((_, i) => `fault_${i}`)];
  beforeAll(async () => {
    const planted = faults.map(([what, from, to], i) =>
      textsOf(`fault_${i}`, text => {
        const changed = text.replace(from, to);
        if (changed === text) throw new Error(`the fault '${what}' changes nothing`);
        return changed;
      }),
    );
    folder = await builtOnce(
      "optimizer",
      {
        "device.h": renderTemplate("cuda/device", { silu: false, relu: false }),
        ...Object.assign(
          {},
          textsOf("good", text => text),
          ...planted,
        ),
        "cases.h": `${names.map(name => `#include "${name}.cu"\n`).join("")}#define CASES(X) ${names
          .map(name => `X(${name}, cnxc_${name}::optimizer)`)
          .join(" ")}\n`,
        "optimizer.cpp": readFileSync(path.join(import.meta.dirname, "optimizer.cpp"), "utf8"),
      },
      [["g++", "-std=c++20", "-O1", "-pthread", "-I.", "optimizer.cpp", "-o", "optimizer"]],
    );
  });
  const run = (name: string) => {
    const { status, stdout, stderr } = spawnSync(path.join(folder, "optimizer"), [name], { encoding: "utf8" });
    return { code: status, said: `${stdout}${stderr}` };
  };

  test("AdamW, sums and norms are right, and the same bits in every order of threads", () => {
    expect(run("good")).toEqual({ code: 0, said: "ok\n" });
  });

  test.each(faults.map(([what], i) => ({ what, name: `fault_${i}` })))(
    "a seeded fault is caught: $what",
    ({ name }) => {
      const { code, said } = run(name);
      expect(said).not.toContain("ok\n");
      expect(code).not.toBe(0);
    },
  );
});
