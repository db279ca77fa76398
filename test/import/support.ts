import { expect } from "vitest";
import type { Result } from "../../src/diagnostics/diagnostic.ts";
import { published } from "../../src/embedded/published.ts";
import type { Imported } from "../../src/import/draft.ts";
import { printDraft } from "../../src/import/print-draft.ts";
import type { Model } from "../../src/model/model.ts";
import { formatSpec } from "../../src/syntax/format.ts";
import { checkFiles, filesOf, must } from "../syntax/support.ts";

export const usual = { name: null, features: false };
export const value = <T>(result: Result<T>): T => {
  if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join("\n"));
  return result.value;
};
export const told = (result: Result<unknown>): readonly string[] =>
  result.diagnostics.map(({ code, message }) => `${code}: ${message}`);

/** What the compiler makes of a spec's only model, without the places where it was written. */
export function modelOf(spec: string): Model {
  const program = must(checkFiles(filesOf({ "input.cnx": spec })));
  const [model] = [...program.models.values()];
  if (model === undefined) throw new Error("no model");
  return model;
}
export const bare = (model: Model): unknown =>
  JSON.parse(JSON.stringify(model, (key, value) => (key === "span" ? undefined : value)));

/** The spec of what was imported: laid out in the one way, and right. */
export function specOf(imported: Result<Imported>): string {
  const text = value(printDraft(value(imported).draft, "Test."));
  expect(value(formatSpec({ name: "input.cnx", text }))).toBe(text);
  return text;
}
export const again = (imported: Result<Imported>) => bare(modelOf(specOf(imported)));

export const spec = (fields: string, name = "model") => `model ${name} {\n${fields}\n}\n`;
export const sizes = published.map(
  ({ name, depths, dims }) => [name, `depths [${depths.join(", ")}]\ndims [${dims.join(", ")}]`] as const,
);
export const tiny = "depths [1, 2, 1]\ndims [8, 16, 24]";
