/** Ways to name the same tensors. `official` is the PyTorch release's, and the one used everywhere else here. */
export const dialects = ["official", "timm", "huggingface"] as const;
export type Dialect = (typeof dialects)[number];

/** What the names of a row are parts of: `head` tensors may be left over when a model has another head. */
interface NameRow extends Readonly<Record<Dialect, string | null>> {
  readonly part: "trunk" | "head";
}

/**
 * Every tensor of a dense ConvNeXt, V1 and V2, in every dialect; null where a dialect has none. In braces, what differs
 * from tensor to tensor: `i` stage, `j` block, `s` stage from 1, `p` weight or bias, `base` the optional name of the
 * Hugging Face model; `i+1` is a stage counted from 1. A further dialect is a further column.
 * Sources: facebookresearch/ConvNeXt-V2 models/convnextv2.py, timm models/convnext.py, transformers
 * modeling_convnextv2.py; `norm{i}` is from the detection code of facebookresearch/ConvNeXt.
 */
const rows: readonly NameRow[] = [
  {
    part: "trunk",
    official: "downsample_layers.0.0.{p}",
    timm: "stem.0.{p}",
    huggingface: "{base}embeddings.patch_embeddings.{p}",
  },
  {
    part: "trunk",
    official: "downsample_layers.0.1.{p}",
    timm: "stem.1.{p}",
    huggingface: "{base}embeddings.layernorm.{p}",
  },
  {
    part: "trunk",
    official: "downsample_layers.{s}.0.{p}",
    timm: "stages.{s}.downsample.0.{p}",
    huggingface: "{base}encoder.stages.{s}.downsampling_layer.0.{p}",
  },
  {
    part: "trunk",
    official: "downsample_layers.{s}.1.{p}",
    timm: "stages.{s}.downsample.1.{p}",
    huggingface: "{base}encoder.stages.{s}.downsampling_layer.1.{p}",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.dwconv.{p}",
    timm: "stages.{i}.blocks.{j}.conv_dw.{p}",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.dwconv.{p}",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.norm.{p}",
    timm: "stages.{i}.blocks.{j}.norm.{p}",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.layernorm.{p}",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.pwconv1.{p}",
    timm: "stages.{i}.blocks.{j}.mlp.fc1.{p}",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.pwconv1.{p}",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.grn.gamma",
    timm: "stages.{i}.blocks.{j}.mlp.grn.weight",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.grn.weight",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.grn.beta",
    timm: "stages.{i}.blocks.{j}.mlp.grn.bias",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.grn.bias",
  },
  {
    part: "trunk",
    official: "stages.{i}.{j}.pwconv2.{p}",
    timm: "stages.{i}.blocks.{j}.mlp.fc2.{p}",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.pwconv2.{p}",
  },
  // The layer scale of V1.
  {
    part: "trunk",
    official: "stages.{i}.{j}.gamma",
    timm: "stages.{i}.blocks.{j}.gamma",
    huggingface: "{base}encoder.stages.{i}.layers.{j}.layer_scale_parameter",
  },
  { part: "head", official: "norm.{p}", timm: "head.norm.{p}", huggingface: "{base}layernorm.{p}" },
  { part: "head", official: "head.{p}", timm: "head.fc.{p}", huggingface: "classifier.{p}" },
  // The LayerNorm of one level of a feature head.
  { part: "head", official: "norm{i}.{p}", timm: null, huggingface: "hidden_states_norms.stage{i+1}.{p}" },
];

/** What stands in a pair of braces, and what is written for it where the other name does not say. */
const fields: Readonly<Record<string, { readonly pattern: string; readonly otherwise: string }>> = {
  i: { pattern: "0|[1-9][0-9]?", otherwise: "" },
  "i+1": { pattern: "[1-9][0-9]?", otherwise: "" },
  j: { pattern: "0|[1-9][0-9]{0,4}", otherwise: "" },
  s: { pattern: "[1-9][0-9]?", otherwise: "" },
  p: { pattern: "weight|bias", otherwise: "" },
  base: { pattern: "convnextv2\\.|convnext\\.|", otherwise: "convnextv2." },
};

/** Text, field, text, field, …, text. */
const split = (template: string): readonly string[] => template.split(/[{}]/);

const regexOf = (template: string): RegExp =>
  new RegExp(
    `^${split(template)
      .map((piece, k) => (k % 2 === 0 ? piece.replaceAll(".", "\\.") : `(${fields[piece]?.pattern})`))
      .join("")}$`,
  );

/** The fields' values in a name of that template, or null. */
function match(template: string, regex: RegExp, name: string): ReadonlyMap<string, string> | null {
  const found = regex.exec(name);
  if (found === null) return null;
  const keys = split(template).filter((_, k) => k % 2 === 1);
  return new Map(
    keys.map((key, k) => {
      const value = found[k + 1] ?? "";
      return key === "i+1" ? ["i", `${Number(value) - 1}`] : [key, value];
    }),
  );
}

const fill = (template: string, values: ReadonlyMap<string, string>): string =>
  split(template)
    .map((piece, k) => {
      if (k % 2 === 0) return piece;
      if (piece === "i+1") return `${Number(values.get("i")) + 1}`;
      return values.get(piece) ?? fields[piece]?.otherwise ?? "";
    })
    .join("");

const compiled = rows.map(row => ({
  row,
  regexes: Object.fromEntries(
    dialects.map(dialect => [dialect, row[dialect] === null ? null : regexOf(row[dialect])]),
  ) as Readonly<Record<Dialect, RegExp | null>>,
}));

export interface KnownName {
  readonly name: string;
  readonly part: NameRow["part"];
}

/** A name of one dialect in another, or null where the one does not know it or the other has no such tensor. */
export function translate(name: string, from: Dialect, to: Dialect): KnownName | null {
  for (const { row, regexes } of compiled) {
    const regex = regexes[from];
    const source = row[from];
    const target = row[to];
    const values = regex === null || source === null ? null : match(source, regex, name);
    if (values !== null) return target === null ? null : { name: fill(target, values), part: row.part };
  }
  return null;
}

/** The dialect that knows most of the names; null where none knows any. */
export function detectDialect(names: readonly string[]): Dialect | null {
  const counts = dialects.map(dialect => names.filter(name => translate(name, dialect, "official") !== null).length);
  const most = Math.max(...counts);
  return most === 0 ? null : (dialects[counts.indexOf(most)] ?? null);
}

/** The same tensor but for dimensions of 1, which hold no order: (4C) for (1,1,1,4C), (O,I,1,1) for (O,I). */
export const sameButOnes = (a: readonly number[], b: readonly number[]): boolean => {
  const [left, right] = [a, b].map(shape => shape.filter(size => size !== 1).join());
  return left === right;
};
