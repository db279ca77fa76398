import type { Source } from "../diagnostics/diagnostic.ts";
import type { Ast, Declaration, Field, GroupValue, StringValue, Value } from "./ast.ts";

/** Fields whose string is the path of a file, wherever in a model they stand. */
const naming: ReadonlySet<string> = new Set(["labels"]);

/** A spec with the contents of the files that its strings name; `read` gives null where there are none, and has said why. */
export function withNamedFiles(ast: Ast, read: (path: StringValue) => Source | null): Ast {
  const named = new Map<string, Source>();
  const ofValue = (value: Value): Value => {
    if (value.kind === "group") return ofGroup(value);
    if (value.kind === "tagged" && value.value.kind === "group") return { ...value, value: ofGroup(value.value) };
    return value;
  };
  const ofGroup = (group: GroupValue): GroupValue => ({ ...group, fields: group.fields.map(ofField) });
  const ofField = (field: Field): Field => {
    const { value } = field;
    if (value.kind !== "string" || !naming.has(field.name.text)) return { ...field, value: ofValue(value) };
    const contents = read(value);
    if (contents === null) return field;
    named.set(contents.name, contents);
    return { ...field, value: { ...value, contents } };
  };
  const ofDeclaration = (declaration: Declaration): Declaration =>
    declaration.kind === "model" ? { ...declaration, body: ofGroup(declaration.body) } : declaration;
  return { ...ast, declarations: ast.declarations.map(ofDeclaration), named: [...named.values()] };
}
