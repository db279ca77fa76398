import { describe, expect, test } from "vitest";
import type { Result } from "../../../src/diagnostics/diagnostic.ts";
import { changeNames, parseRule, type RenameRule } from "../../../src/weights/names/changes.ts";
import { translate } from "../../../src/weights/names/names.ts";
import { unwrapped } from "../../../src/weights/names/unwrapped.ts";
import { readF32, type TensorFile } from "../../../src/weights/tensor.ts";
import { goldenParams, readGolden } from "../../support/golden.ts";
import { fileOf, type Row } from "../../support/tensor-file.ts";

const rows: readonly Row[] = goldenParams(readGolden("dense/micro-64x64-b2"));
const below = (prefix: string): readonly Row[] => rows.map(row => ({ ...row, name: prefix + row.name }));
const named = (...names: readonly string[]): readonly Row[] => names.map(name => ({ name, shape: [1] }));
const namesIn = (file: Result<TensorFile>) => (file.ok ? [...file.value.tensors.keys()] : []);
const told = ({ diagnostics }: Result<unknown>) =>
  diagnostics.map(({ code, message, notes }) => [`${code}: ${message}`, ...notes.map(note => note.message)].join("; "));
const rule = (text: string): RenameRule => {
  const parsed = parseRule(text);
  if (typeof parsed === "string") throw new Error(parsed);
  return parsed;
};
const strip = (of: readonly Row[], stripPrefix: string) => changeNames(fileOf(of), { stripPrefix, rename: [] });
const rename = (of: readonly Row[], ...rules: readonly string[]) =>
  changeNames(fileOf(of), { stripPrefix: null, rename: rules.map(rule) });
const official = rows.map(({ name }) => name);

describe("a prefix", () => {
  test("goes, and what lies outside is beside, told once", () => {
    const found = strip([...below("model."), ...named("criterion.pos_weight", "step")], "model.");
    expect(namesIn(found)).toEqual(official);
    expect(told(found)).toEqual([
      "weights-beside: 'criterion.pos_weight', 'step' beside the weights below 'model.' are not read; --rename FROM=TO takes names outside of it for others",
    ]);
  });

  test("stays out of what the same naming has beside it", () => {
    const split = rows.map(row => ({ ...row, name: row.name.startsWith("head.") ? row.name : `backbone.${row.name}` }));
    const found = strip(split, "backbone.");
    expect([namesIn(found), told(found)]).toEqual([official, []]);
  });

  test("wins over the same name outside of it", () => {
    const found = strip([...named("head.bias"), ...below("ema.")], "ema.");
    expect(namesIn(found)).toEqual(official);
    expect(told(found)).toEqual([
      "weights-beside: 'head.bias' beside the weights below 'ema.' is not read; --rename FROM=TO takes names outside of it for others",
    ]);
  });

  test("that no name has: the one below which names are known", () => {
    expect(told(strip(below("module."), "modul."))).toEqual([
      "weights-name-unmatched: no tensor name begins with the 'modul.' of --strip-prefix, did you mean 'module.'?",
    ]);
    expect(told(strip(named("layer.a", "b"), "layers."))).toEqual([
      "weights-name-unmatched: no tensor name begins with the 'layers.' of --strip-prefix, did you mean 'layer.'?",
    ]);
    expect(told(strip(named("a"), "model."))).toEqual([
      "weights-name-unmatched: no tensor name begins with the 'model.' of --strip-prefix",
    ]);
  });

  test("that leaves another: the whole of it", () => {
    expect(told(strip(below("model.module."), "model."))).toEqual([
      "weights-prefix: every tensor name begins with 'model.module.', which no ConvNeXt checkpoint format has; --strip-prefix model.module. takes what lies below it",
    ]);
  });

  test("the values are those of the file's names", async () => {
    const values = Float32Array.of(3);
    const file = strip([...named("other"), { name: "m.head.bias", shape: [1], values }], "m.");
    expect(file.ok && (await readF32(file.value, "head.bias"))).toEqual(values);
  });
});

describe("rules", () => {
  test.each<[string, readonly string[], readonly string[], readonly string[]]>([
    ["the beginning of a name", ["0.model.=stem."], ["0.model.0.weight"], ["stem.0.weight"]],
    ["a whole name", ["stem=stem.0"], ["stem"], ["stem.0"]],
    ["runs of letters and digits", ["s_*/*/dw=s.*.*.dwconv"], ["s_3/12/dw.weight"], ["s.3.12.dwconv.weight"]],
    ["one after another", ["a.=b.", "b.=c."], ["a.x", "b.y"], ["c.x", "c.y"]],
    ["only the beginning", ["x=y"], ["x.x", "a.x"], ["y.x", "a.x"]],
    ["no run that is empty", ["a.*.=b.*."], ["a..c", "a.1.c"], ["a..c", "b.1.c"]],
    ["letters that a pattern would mean something by", ["a.b=c"], ["aXb", "a.b"], ["aXb", "c"]],
    ["nothing on the right", ["m.="], ["m.head.bias"], ["head.bias"]],
  ])("%s", (_, rules, from, to) => {
    expect(namesIn(rename(named(...from), ...rules))).toEqual(to);
  });

  test("work before it is settled what is beside a prefix", () => {
    const split = rows.map(row => ({
      ...row,
      name: row.name.startsWith("head.") ? `cls_${row.name}` : `backbone.${row.name}`,
    }));
    const found = changeNames(fileOf(split), { stripPrefix: "backbone.", rename: [rule("cls_head=head")] });
    expect([namesIn(found), told(found)]).toEqual([official, []]);
  });

  test.each<[string, readonly Row[], string, string]>([
    [
      "that fits no name",
      rows,
      "heat.=head.",
      "weights-name-unmatched: no tensor name begins with the 'heat.' of --rename",
    ],
    [
      "that makes one name of two",
      named("a.x", "b.x"),
      "a.=b.",
      "weights-renamed-twice: 'a.x' and 'b.x' would both be named 'b.x'",
    ],
  ])("one %s", (_, of, text, sentence) => {
    expect(told(rename(of, text))).toEqual([expect.stringContaining(sentence)]);
  });

  test.each(["", "=", "=b", "ab", "a=b=c", "a.*=b", "a=*", "*.*=*"])("'%s' is none", text => {
    expect(parseRule(text)).toMatch(/^it (is|has) /);
  });
});

describe("a file whose names only are looked at", () => {
  test("is read through its prefix, with the option that its values will need", () => {
    const found = unwrapped(fileOf([...below("student."), ...below("teacher."), ...named("loss")]));
    expect(namesIn(found)).toEqual(official);
    const [wrapped, beside] = told(found);
    expect(wrapped).toBe(
      `weights-wrapped: the weights are below 'student.': ${rows.length} of ${2 * rows.length + 1} tensor names are known there; --strip-prefix student. takes what lies below it; as many are below teacher.`,
    );
    expect(beside).toContain("'teacher.downsample_layers.0.0.weight'");
  });

  test("is as it is where nothing wraps it", () => {
    const found = unwrapped(fileOf([...rows, ...named("loss")]));
    expect([namesIn(found), told(found)]).toEqual([[...official, "loss"], []]);
  });
});

test("a prefix that a shell would take apart is quoted", () => {
  const odd = rows.map(row => ({ ...row, name: `my model's.${translate(row.name, "official", "timm")?.name}` }));
  expect(told(unwrapped(fileOf(odd)))[0]).toContain("--strip-prefix 'my model'\\''s.' takes");
});

test("a file whose names change gives pieces and ranges where it gave them before, under the new names", async () => {
  const plain = fileOf(named("a.weight"));
  const bytes = async (name: string) => new TextEncoder().encode(name);
  const whole: TensorFile = {
    ...plain,
    bytes,
    parts: async function* (name) {
      yield await bytes(name);
    },
    range: async (name, from, length) => (await bytes(name)).subarray(from, from + length),
  };
  const changed = (file: TensorFile) => {
    const found = changeNames(file, { stripPrefix: null, rename: [rule("a.=b.")] });
    if (!found.ok) throw new Error("unreachable");
    return found.value;
  };
  expect([changed(plain).parts, changed(plain).range]).toEqual([undefined, undefined]);
  const text = (of: Uint8Array | undefined) => new TextDecoder().decode(of);
  expect(text(await changed(whole).bytes("b.weight"))).toBe("a.weight");
  for await (const part of changed(whole).parts?.("b.weight") ?? []) expect(text(part)).toBe("a.weight");
  expect(text(await changed(whole).range?.("b.weight", 2, 3))).toBe("wei");
});

test("what a star stands for begins where it stands", () => {
  expect(namesIn(rename(named("x.1.weight", "x..1.weight"), "x.*.weight=y.*.weight"))).toEqual([
    "y.1.weight",
    "x..1.weight",
  ]);
});
