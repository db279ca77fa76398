import {
  IndentationText,
  type InterfaceDeclarationStructure,
  type OptionalKind,
  Project,
  type PropertySignatureStructure,
  type StatementStructures,
  StructureKind,
  ts,
} from "ts-morph";
import type { Port } from "../runtime/descriptor.ts";

export interface TextFile {
  readonly path: string;
  readonly contents: string;
}

/** First lines of a generated file, as a comment. */
export const comment = (banner: readonly string[]): string => banner.map(line => `// ${line}\n`).join("");

/** A module as `<name>.ts`, and the same as `.js` and `.d.ts`. */
export function typedModule(
  name: string,
  banner: readonly string[],
  statements: readonly StatementStructures[],
): readonly TextFile[] {
  const project = new Project({
    useInMemoryFileSystem: true,
    skipLoadingLibFiles: true,
    manipulationSettings: { indentationText: IndentationText.TwoSpaces },
  });
  const file = project.createSourceFile(`${name}.ts`, { statements: [...statements] });
  const source = file.getFullText().replace(/ +$/gm, "");
  const script = ts.transpileModule(source, options(name)).outputText;
  const declarations = ts.transpileDeclaration(source, options(name)).outputText;
  const first = comment(banner);
  return [
    { path: `${name}.ts`, contents: `${first}\n${source}` },
    { path: `${name}.js`, contents: `${first}\n${script}` },
    { path: `${name}.d.ts`, contents: `${first}\n${declarations}` },
  ];
}

const options = (name: string): ts.TranspileOptions => ({
  fileName: `${name}.ts`,
  compilerOptions: {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    isolatedDeclarations: true,
    declaration: true,
    strict: true,
  },
});

/** `atto_384` → `Atto384`. Always with something behind it, so that no reserved word is left. */
export const pascal = (name: string): string =>
  name
    .split("_")
    .map(part => part.charAt(0).toUpperCase() + part.slice(1))
    .join("");

export const interfaceOf = (
  name: string,
  more: Omit<InterfaceDeclarationStructure, "kind" | "name" | "isExported">,
): InterfaceDeclarationStructure => ({ kind: StructureKind.Interface, name, isExported: true, ...more });

/** Inputs or outputs as properties of a type. */
export const propertiesOf = (ports: readonly Port[], type: string): OptionalKind<PropertySignatureStructure>[] =>
  ports.map(({ name, shape, perImage, keep }) => ({
    name,
    type,
    isReadonly: true,
    docs: [
      `[${[...(perImage ? ["N"] : []), ...shape].join(", ")}], row-major.${
        keep === undefined ? "" : ` 1 removes a patch, 0 keeps it; each image keeps ${keep}.`
      }`,
    ],
  }));
