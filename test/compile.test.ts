import { describe, expect, test } from "vitest";
import { type CompileOptions, compile } from "../src/compile.ts";
import { fail, ok, type Source } from "../src/diagnostics/diagnostic.ts";
import { error } from "../src/diagnostics/messages.ts";
import { kernelTarget } from "../src/emit/kernel-targets.ts";
import { onnxTarget } from "../src/emit/onnx/onnx.ts";
import { inMemoryContext } from "../src/emit/target.ts";
import { isF16 } from "../src/model/select.ts";
import { must } from "./syntax/support.ts";

const root: Source = { name: "app.cnx", text: 'import "./base.cnx"\nmodel small extends base {\n  dims [8, 24]\n}\n' };
const imported: Source = {
  name: "base.cnx",
  text: "model base {\n  depths [1, 1]\n  dims   [8, 16]\n  input  32x32x3\n}\n",
};
const read = () => ok(imported);
const options: CompileOptions = {
  selection: { models: null, build: null, targets: null, dtypes: null, batch: null },
  targetOf: ({ target, dtype }) =>
    target === "onnx" ? onnxTarget(isF16[dtype]) : kernelTarget(target === "cuda" ? "cuda" : "gpu", dtype),
  prepare: async () => ok(inMemoryContext),
};

describe("compile", () => {
  test("gives the files of all that a spec asks for, and the sources that they come from", async () => {
    const { units, files, dependencies } = must(await compile(root, read, options));
    expect(units.map(({ model, target, dtype }) => [model.name, target, dtype])).toEqual([
      ["small", "wgsl", "f32"],
      ["small", "onnx", "f32"],
      ["small", "cuda", "f32"],
    ]);
    expect(units.map(({ plan }) => plan !== null)).toEqual([true, false, true]);
    expect(new Set(files.map(({ path }) => path.split("/").slice(0, 2).join("/")))).toEqual(
      new Set(["small/wgsl", "small/plan.txt", "small/onnx", "small/cuda"]),
    );
    expect(dependencies).toEqual(["base.cnx", "app.cnx"]);
  });

  test("says what is wrong with a spec, with what is selected, with what it is given, and with a target's limits", async () => {
    const first = async (source: Source, more: Partial<CompileOptions>) => {
      const compiled = await compile(source, read, { ...options, ...more });
      return [compiled.ok, compiled.diagnostics.map(({ code }) => code)];
    };
    expect(await first({ name: "a.cnx", text: "model a {" }, {})).toEqual([false, ["syntax"]]);
    const selection = { ...options.selection, models: ["large"] };
    expect(await first(root, { selection })).toEqual([false, ["no-such-model"]]);
    const refuses = async () => fail(error("weights-need-one-model", null));
    expect(await first(root, { prepare: refuses })).toEqual([false, ["weights-need-one-model"]]);
    const many = { ...options.selection, targets: ["wgsl", "onnx"], batch: { min: 1, max: 65_536 } } as const;
    expect(await first(root, { selection: many })).toEqual([false, expect.arrayContaining(["binding-too-large"])]);
  });
});
