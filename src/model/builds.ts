import { error } from "../diagnostics/messages.ts";
import type { Nearest } from "../diagnostics/nearest.ts";
import type { BuildDeclaration, ModelDeclaration } from "../syntax/ast.ts";
import type { Located } from "./field-types.ts";
import { buildFields } from "./fields.ts";
import type { Build } from "./model.ts";
import { type Report, readFields } from "./read.ts";

/** A build, its models known. One that names no models builds those of its own file. */
export function checkBuild(
  { name, body, span }: BuildDeclaration,
  models: ReadonlyMap<string, ModelDeclaration>,
  nearest: Nearest,
  report: Report,
): Build | null {
  const settings = readFields(buildFields, body.fields, { owner: "a build", path: "" }, report);
  if (settings === null) return null;
  const named = settings.models && many<string>(settings.models.value);
  for (const { value, span: place } of named ?? []) {
    if (!models.has(value)) report(error("unknown-model", place, value, nearest(value)));
  }
  const own = [...models.values()].filter(model => model.span.source === span.source);
  if (named === undefined && own.length === 0)
    report(error("missing-field", name.span, `build ${name.text}`, "models"));
  const targets = settings.target && many(settings.target.value);
  const dtypes = settings.dtype && many(settings.dtype.value);
  return {
    name: name.text,
    models: named?.map(({ value }) => value) ?? own.map(model => model.name.text),
    targets: targets?.map(({ value }) => value) ?? buildFields.target.type.list.of.words,
    dtypes: dtypes?.map(({ value }) => value) ?? ["f32"],
    batch: settings.batch?.value ?? { min: 1, max: 1 },
    span: { ...span, end: name.span.end },
  };
}

const many = <T>(value: Located<T> | readonly Located<T>[]): readonly Located<T>[] => (isList(value) ? value : [value]);

/** `Array.isArray` forgets what a readonly array holds. */
const isList = <T>(value: Located<T> | readonly Located<T>[]): value is readonly Located<T>[] => Array.isArray(value);
