import { type StatementStructures, StructureKind } from "ts-morph";
import type { Head, Model } from "../model/model.ts";
import { labelTypeOf } from "./classes.ts";
import { preprocessName, takesPictures } from "./preprocess.ts";
import { interfaceOf, pascal, type TextFile, typedModule } from "./typed-module.ts";

/** Whether a model has classes and takes pictures. */
export const classifiesPictures = (model: Model): boolean => hasClasses(model.head) && takesPictures(model);

const hasClasses = (head: Head): boolean => head.kind === "classifier" && head.classes > 0;

/**
 * From pictures to labels, as a module of its own, since only pages that have pictures load it: the model, what fits
 * pictures into it and its labels in one, on a device that it asks for itself.
 */
export const classifierFiles = (model: Model, banner: readonly string[]): readonly TextFile[] =>
  typedModule(moduleName(model.name), banner, statements(model));

/** A model of that name, in any case, has a module of that name itself. */
const moduleName = (name: string): string => (name.toLowerCase() === "classifier" ? "image_classifier" : "classifier");

function statements({ name, head }: Model): readonly StatementStructures[] {
  const Name = pascal(name);
  const label = labelTypeOf(name, head);
  const types = [`${Name}Model`, `${Name}Options`, ...(label === "null" ? [] : [label])];
  const made = `runtime.Classifier<${Name}Model, ${label}>`;
  return [
    { kind: StructureKind.ImportDeclaration, moduleSpecifier: "cnxc/runtime", namespaceImport: "runtime" },
    {
      kind: StructureKind.ImportDeclaration,
      moduleSpecifier: `./${name}.js`,
      namedImports: ["createModel", "descriptor", "topK"],
    },
    { kind: StructureKind.ImportDeclaration, isTypeOnly: true, moduleSpecifier: `./${name}.js`, namedImports: types },
    {
      kind: StructureKind.ImportDeclaration,
      moduleSpecifier: `./${preprocessName(name)}.js`,
      namedImports: [{ name: "descriptor", alias: "preprocessing" }],
    },
    interfaceOf(`${Name}ClassifierOptions`, {
      docs: ["The weights, and where to run: on a device of its own where none is given."],
      extends: ['Omit<runtime.ClassifierOptions, "weights">', `Pick<${Name}Options, "weights">`],
    }),
    {
      kind: StructureKind.Function,
      name: "createClassifier",
      isExported: true,
      docs: [`From pictures to classes of \`${name}\`: \`const { classify } = await createClassifier({ weights })\`.`],
      parameters: [{ name: "options", type: `${Name}ClassifierOptions` }],
      returnType: `Promise<${made}>`,
      statements: [
        'const withoutWebgpu = () => import("cnxc/runtime/onnx");',
        "const parts = { descriptor, createModel, preprocessing, topK, withoutWebgpu } as unknown as runtime.ClassifierParts;",
        `return runtime.createClassifier(parts, options as runtime.ClassifierOptions) as unknown as Promise<${made}>;`,
      ],
    },
  ];
}
