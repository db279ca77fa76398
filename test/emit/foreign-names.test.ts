import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { emit } from "../../src/compile.ts";
import { cudaTarget } from "../../src/emit/cuda/target.ts";
import { onnxTarget } from "../../src/emit/onnx/onnx.ts";
import { inMemoryContext, type Target } from "../../src/emit/target.ts";
import { wgslTarget } from "../../src/emit/wgsl/target.ts";
import { hidden, hostile } from "../support/hostile.ts";
import { checkFiles, must } from "../syntax/support.ts";

const model = must(checkFiles(new Map([["micro.cnx", readFileSync("specs/micro.cnx")]]), "micro.cnx")).models.get(
  "micro",
);

/** The text files of a target, from a spec of that name. */
function textsOf(target: Target, specName: string): ReadonlyMap<string, string> {
  if (model === undefined) throw new Error("no micro");
  const context = { ...inMemoryContext, model, specName, version: "1", preprocess: true };
  const unit = must(emit({ model, target, batch: { min: 1, max: 2 }, taps: [], context }));
  return new Map(
    unit.files.flatMap(({ path, contents }) => (typeof contents === "string" ? [[path, contents] as const] : [])),
  );
}

const targets: Readonly<Record<string, () => Target>> = {
  "WGSL and TypeScript": () => wgslTarget("gpu", false),
  "CUDA, C, CMake and Python": () => cudaTarget("f32", { torch: true }),
  ONNX: () => onnxTarget(false),
};

describe.each(Object.entries(targets))("a spec's name in %s", (_, target) => {
  const usual = textsOf(target(), "usual.cnx");

  test.each(Object.entries(hostile))("stays in its comment: %s", (_, name) => {
    const made = textsOf(target(), name);
    expect([...made.keys()]).toEqual([...usual.keys()]);
    for (const [path, text] of made) {
      const [first = "", ...rest] = text.split("\n");
      const [as = "", ...others] = (usual.get(path) ?? "").split("\n");
      expect(rest, path).toEqual(others);
      expect(text, path).not.toMatch(hidden);
      if (!as.includes("usual.cnx")) continue;
      const [before = "", after = ""] = as.split("usual.cnx");
      expect(first.startsWith(before) && first.endsWith(after), `${path}: ${first}`).toBe(true);
      const said = first.slice(before.length, first.length - after.length);
      expect(said.length, path).toBeLessThan(400);
      expect(said, path).not.toMatch(/\*\/|\/\*|-->|<\/|\]\]|\?\?|\\$/);
    }
  });
});
