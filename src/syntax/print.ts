import type { Path, Value } from "./ast.ts";

/** A value on one line, as the formatter writes it. */
export const printValue = (value: Value): string => (printers[value.kind] as (value: Value) => string)(value);

const printers: { readonly [K in Value["kind"]]: (value: Extract<Value, { kind: K }>) => string } = {
  number: ({ text }) => text,
  size: ({ text }) => text,
  range: ({ from, to, step }) => `${from.text}..${to.text}${step === null ? "" : ` step ${step.text}`}`,
  word: ({ text }) => text,
  string: ({ text }) => `"${text}"`,
  tagged: ({ tag, value }) => `${tag.text} ${printValue(value)}`,
  list: ({ items }) => `[${items.map(printValue).join(", ")}]`,
  group: ({ fields }) =>
    fields.length === 0
      ? "{}"
      : `{ ${fields.map(({ name, value }) => `${name.text} ${printValue(value)}`).join("  ")} }`,
};

/** `dims[0]`, `head.decoder.dim` */
export const printPath = ({ field, steps }: Path): string =>
  field.text + steps.map(step => (step.kind === "index" ? `[${step.index.text}]` : `.${step.name.text}`)).join("");
