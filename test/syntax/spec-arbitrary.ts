import fc from "fast-check";

/** The tokens of specs that the grammar takes; what they say may well be nonsense. */

// Not `step`: after a range it goes on with the range.
const name = fc.oneof(
  fc.constantFrom("depths", "dims", "input", "head", "model", "extends", "in", "steps", "require", "a", "B2", "x_y"),
  fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/).filter(text => text !== "step"),
);
const number = fc.constantFrom("0", "7", "12", "0.6", "1e-6", "-3", "5M", "1.2G", "64K", "1E+3");
const size = fc.constantFrom("224x224x3", "0x1x2");
const comma = fc.constantFrom<readonly string[]>([], [","]);

type Tokens = readonly string[];
const flat = (parts: readonly (Tokens | string)[]): Tokens => parts.flat();

const { value, group } = fc.letrec<{ value: Tokens; group: Tokens; field: Tokens }>(tie => ({
  value: fc.oneof(
    { maxDepth: 3 },
    name.map(text => [text]),
    number.map(text => [text]),
    size.map(text => [text]),
    fc.constant(['"a b.cnx"']),
    fc.tuple(number, number).map(([from, to]) => [from, "..", to]),
    fc.tuple(number, number, number).map(([from, to, by]) => [from, "..", to, "step", by]),
    fc.tuple(name, number).map(([tag, n]) => [tag, n]),
    fc.tuple(name, tie("group")).map(([tag, body]) => flat([[tag], body])),
    tie("group"),
    fc
      .tuple(fc.array(tie("value"), { maxLength: 12 }), comma)
      .map(([items, last]) =>
        flat(["[", ...items.flatMap((item, i) => [i > 0 ? [","] : [], item]), items.length > 0 ? last : [], "]"]),
      ),
  ),
  field: fc.tuple(name, tie("value"), comma).map(([field, written, end]) => flat([[field], written, end])),
  group: fc.array(tie("field"), { maxLength: 5 }).map(fields => flat(["{", ...fields, "}"])),
}));

const parent = fc.option(name).map(of => (of === null ? [] : ["extends", of]));
const step = fc.oneof(
  fc.nat(4).map(i => ["[", `${i}`, "]"]),
  name.map(member => [".", member]),
);
const axis = fc
  .tuple(name, fc.array(step, { maxLength: 2 }), value)
  .map(([field, steps, values]) => flat([[field], ...steps, ["in"], values]));
const requirement = fc
  .tuple(fc.constantFrom("params", "macs"), fc.constantFrom("<", "<=", ">", ">=", "=="), number)
  .map(parts => ["require", ...parts]);

const declaration = fc.oneof(
  fc.constant<Tokens>(["import", '"other.cnx"']),
  fc.tuple(name, parent, group).map(parts => flat(["model", ...parts])),
  fc.tuple(fc.constantFrom("build", "train"), name, group).map(flat),
  fc
    .tuple(name, name, fc.array(fc.tuple(fc.oneof(axis, requirement), comma), { maxLength: 4 }))
    .map(([sweep, of, items]) => flat(["sweep", sweep, "extends", of, "{", ...items.flat(), "}"])),
);

const tokens = fc.array(declaration, { minLength: 1, maxLength: 4 }).map(flat);

const blank = fc.constantFrom(" ", "  ", "\t", "\n", "\r\n", "\r", "\n\n", "\n\n\n", " \n \n ");
const comment = fc.constantFrom(
  "// one\n",
  "//\r\n",
  "// déjà vu  \n",
  "/* two */",
  "/* three\n\n   lines  \n*/",
  "/**/",
  "/* a */ /* b */ // c\n",
);
const between = fc.oneof(
  { weight: 6, arbitrary: blank },
  { weight: 1, arbitrary: fc.tuple(blank, comment, blank).map(parts => parts.join("")) },
);

/** A text that the grammar takes, with blanks and comments wherever they may stand. */
export const specText: fc.Arbitrary<string> = tokens.chain(words =>
  fc
    .tuple(
      fc.array(between, { minLength: words.length + 1, maxLength: words.length + 1 }),
      fc.constantFrom("", " ", "\n", "// end"),
    )
    .map(([gaps, end]) => gaps.map((gap, i) => gap + (words[i] ?? "")).join("") + end),
);
