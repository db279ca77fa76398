import { existsSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { print } from "../../src/graph/print.ts";
import { read } from "../../src/graph/read.ts";
import { blockPath } from "../../src/graph/scope.ts";
import { verify } from "../../src/graph/verify.ts";
import { allPasses, learningGroupingPasses, learningPasses } from "../../src/passes/all.ts";
import { compactSitesAs } from "../../src/passes/compact-sites.ts";
import { runPasses } from "../../src/passes/pass.ts";
import { mustBuild, randomModel } from "../support/models.ts";
import { expectSameValues } from "./random.ts";

const everyPass = [...allPasses, ...learningPasses, ...learningGroupingPasses];
const cases = new URL("../cases/passes/", import.meta.url);
const camel = (name: string): string => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

describe("a pass has one home", () => {
  test("file, export, name and cases agree", async () => {
    const found = readdirSync(new URL("../../src/passes/", import.meta.url), { recursive: true, encoding: "utf8" })
      .filter(file => file.endsWith(".ts"))
      .filter(file => !["pass.ts", "grouping/group.ts", "all.ts", "site-layout.ts"].includes(file));
    const files = found.map(file => path.basename(file, ".ts"));
    expect(everyPass.map(pass => pass.name).sort()).toEqual(files.sort());
    expect(readdirSync(cases).sort()).toEqual(files.sort());
    for (const file of found) {
      const name = path.basename(file, ".ts");
      const module = await import(new URL(`../../src/passes/${file}`, import.meta.url).pathname);
      expect(module[camel(name)].name).toBe(name);
      expect(name.startsWith("fuse-"), file).toBe(file.startsWith("grouping/"));
    }
  });
});

describe("before ⟶ after", () => {
  for (const pass of everyPass) {
    const folder = new URL(`${pass.name}/`, cases);
    const inputs = existsSync(folder) ? readdirSync(folder).filter(file => file.endsWith(".before")) : [];
    test(`${pass.name} has a case, and no file without one`, () => {
      expect(inputs.length).toBeGreaterThan(0);
      expect(readdirSync(folder).sort()).toEqual(
        inputs.flatMap(file => [file, file.replace(".before", ".after")]).sort(),
      );
    });
    test.each(inputs)(`${pass.name}/%s`, async file => {
      const before = read(readFileSync(new URL(file, folder), "utf8"));
      verify(before, "the case");
      const after = print(verify(pass.run(before), pass.name));
      await expect(after).toMatchFileSnapshot(new URL(file.replace(".before", ".after"), folder).pathname);
      expect(print(pass.run(read(after))), "twice is once").toBe(after);
    });
  }
});

test("a pass that breaks the graph is blamed, watched or not", () => {
  const graph = mustBuild(randomModel(0).model);
  const breaking = { name: "break-it", summary: "Drop the outputs", run: () => ({ ...graph, outputs: [] }) };
  expect(() => runPasses(graph, [breaking])).toThrow("after break-it: no outputs");
  expect(runPasses(graph, [])).toBe(graph);
  expect(runPasses(graph, allPasses).outputs).toEqual(graph.outputs);
});

test("what passes make is in the block that its name begins with, as what they found was", () => {
  const path = /^(stages\.\d+|decoder)\.\d+(?=\.|$)/;
  for (let seed = 0; seed < 16; seed++)
    for (const layout of ["auto", "compact", "masked"] as const) {
      const passes = [compactSitesAs(layout), ...allPasses.slice(1)];
      for (const { id, scope } of runPasses(mustBuild(randomModel(seed).model), passes).nodes.values())
        expect(blockPath(scope), id).toBe(path.exec(id)?.[0] ?? null);
    }
});

// Sixteen more: random.targets.test.ts.
describe("passes change no value", () => {
  test.each([0, 1, 2, 3, 4, 5, 6, 7])("random model %i", async seed => expectSameValues(seed));
});
