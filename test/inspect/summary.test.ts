import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { partName } from "../../src/graph/scope.ts";
import { infoText } from "../../src/inspect/info-text.ts";
import { partNames } from "../../src/inspect/parts.ts";
import { planSubject } from "../../src/inspect/plan-subject.ts";
import { aliveBytes, bytesMovedBy, runsOf } from "../../src/inspect/runs.ts";
import type { Subject } from "../../src/inspect/subject.ts";
import { summarise } from "../../src/inspect/summary.ts";
import { parametersByPart } from "../../src/model/count.ts";
import type { Model } from "../../src/model/model.ts";
import { bytesMoved, scratchBytes, weightBytes } from "../../src/plan/cost.ts";
import { randomCase } from "../../src/verify/random-model.ts";
import { mustBuild } from "../support/models.ts";
import { checkFiles, must } from "../syntax/support.ts";

const files = new Map([
  ...["convnextv2.cnx", "fcmae.cnx", "micro.cnx"].map(name => [name, readFileSync(`specs/${name}`)] as const),
  // timm's, which was never trained.
  ["small.cnx", Buffer.from('import "convnextv2.cnx"\nmodel small extends tiny { depths [3, 3, 27, 3] }\n')] as const,
]);
const modelOf = (file: string, name: string): Model => must(checkFiles(files, file)).models.get(name) as Model;

const subject = (model: Model, more: Partial<Subject> = {}): Subject => ({
  model,
  target: "wgsl",
  dtype: "f32",
  batch: { min: 1, max: 1 },
  sites: "auto",
  ...more,
});

/** The paper's arithmetic, once more: H·W·(49·C + 8·C²) a block. */
function macsByHand({ input, stages }: Model): readonly number[] {
  const side = input.height / 4;
  const dims = stages.map(({ dim }) => dim);
  const stem = side ** 2 * 16 * 3 * (dims[0] ?? 0);
  const each = stages.map(({ dim, depth }, i) => {
    const sites = (side / 2 ** i) ** 2;
    const down = i === 0 ? 0 : sites * 4 * (dims[i - 1] ?? 0) * dim;
    return down + depth * sites * (49 * dim + 8 * dim ** 2);
  });
  return [stem, ...each, 1000 * (dims.at(-1) ?? 0)];
}

/** A multiply-add counts as two operations; timm's small is published in multiply-adds. */
describe("the published sizes", () => {
  test.each([
    ["atto", 3_708_400, 1.09],
    ["femto", 5_233_240, 1.56],
    ["pico", 9_066_280, 2.73],
    ["nano", 15_623_800, 4.89],
    ["tiny", 28_635_496, 8.91],
    ["small", 50_318_440, 8.68 * 2],
    ["base", 88_717_800, 30.7],
    ["large", 197_956_840, 68.7],
    ["huge", 660_289_640, 229.8],
  ])("%s has %i parameters and takes %d GFLOP", (name, parameters, gflop) => {
    const model = modelOf("small.cnx", name);
    for (const target of ["wgsl", "cuda"] as const) {
      const { parts, total } = must(summarise(subject(model, { target })));
      expect(total.parameters).toBe(parameters);
      expect(parts.map(({ macs }) => macs)).toEqual(macsByHand(model));
      expect(Math.abs((2 * total.macs) / 1e9 - gflop), "as far as the figure is rounded").toBeLessThan(
        gflop < 10 ? 0.005 : 0.05,
      );
    }
  });

  test("fit a terminal of 80 columns, bars too; fewer columns have no bars", () => {
    for (const [file, names] of [
      ["convnextv2.cnx", ["atto", "huge"]],
      ["fcmae.cnx", ["huge_fcmae"]],
    ] as const)
      for (const name of names) {
        const summary = must(summarise(subject(modelOf(file, name))));
        const lines = (columns: number) => infoText(summary, columns).trimEnd().split("\n");
        expect(Math.max(...lines(80).map(line => line.length))).toBeLessThanOrEqual(80);
        expect(lines(80).length).toBeLessThanOrEqual(24);
        expect(Math.max(...lines(200).map(line => line.length))).toBeLessThanOrEqual(200);
        expect(lines(200).join("")).toContain("█");
        expect(lines(79).join("")).not.toContain("█");
      }
  });
});

describe("random models", () => {
  const cases = Array.from({ length: 24 }, (_, seed) => randomCase(seed));

  test("parts hold what a checkpoint holds, name by name", () => {
    for (const { model } of cases) {
      const { stem, stages, head } = parametersByPart(model);
      const found = new Map(partNames(model).map(name => [name, 0]));
      for (const { op, type, scope } of mustBuild(model).nodes.values())
        if (op === "param") {
          const part = partName(scope.part);
          const count = type.shape.reduce<number>((n, length) => n * Number(length), 1);
          found.set(part, (found.get(part) ?? Number.NaN) + count);
        }
      expect([...found.values()], model.name).toEqual([stem, ...stages, head]);
    }
  });

  test("sums are the plan's own, and both targets multiply the same", () => {
    for (const { model } of cases) {
      const batch = { min: 1, max: 5 };
      const made = [subject(model, { batch }), subject(model, { batch, target: "cuda", dtype: "bf16" })].map(of => {
        const { plan: planned } = must(planSubject(of));
        const runs = runsOf(planned, of.target);
        expect(sum(runs.runs.map(run => bytesMovedBy(run, 5)))).toBe(bytesMoved(planned, 5));
        expect([runs.scratchBytes, runs.weightBytes]).toEqual([scratchBytes(planned), weightBytes(planned)]);
        for (const { part } of runs.runs) expect(partNames(model)).toContain(part);
        return sum(runs.runs.map(({ macs }) => macs));
      });
      expect(made[0]).toBe(made[1]);
    }
  });

  test("buffers lie inside their arenas, and those that are alive together share no byte", () => {
    for (const { model } of cases)
      for (const target of ["wgsl", "cuda"] as const) {
        const of = subject(model, { target });
        const { memory, runs } = runsOf(must(planSubject(of)).plan, target);
        expect(memory.steps.length).toBe(runs.length);
        expect(memory.buffers.length).toBeGreaterThan(3);
        memory.buffers.forEach((a, i) => {
          expect(a.offset + a.bytes).toBeLessThanOrEqual(memory.arenas[a.arena] as number);
          expect(runs[a.from]?.operands).toContainEqual(expect.objectContaining({ value: a.name, access: "write" }));
          expect(runs[a.to]?.operands.map(({ value }) => value)).toContain(a.name);
          for (const b of memory.buffers.slice(i + 1)) {
            const together = a.arena === b.arena && a.from <= b.to && b.from <= a.to;
            const apart = a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
            expect(together && !apart, `${model.name} ${target}: ${a.name}, ${b.name}`).toBe(false);
          }
        });
        expect(Math.max(...aliveBytes(memory))).toBeLessThanOrEqual(sum(memory.arenas));
      }
  });
});

test("a batch multiplies what is of an image, and nothing else", () => {
  const model = modelOf("micro.cnx", "micro");
  const [one, eight] = [1, 8].map(max => must(summarise(subject(model, { batch: { min: 1, max } }))));
  expect(eight?.total.macs).toBe(8 * (one?.total.macs ?? 0));
  expect(eight?.scratchBytes).toBe(8 * (one?.scratchBytes ?? 0));
  expect(eight?.total.parameters).toBe(one?.total.parameters);
  expect(eight?.weightBytes).toBe(one?.weightBytes);
  expect(eight?.total.bytes).toBeLessThan(8 * (one?.total.bytes ?? 0));
});

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
