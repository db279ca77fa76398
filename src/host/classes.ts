import { type StatementStructures, StructureKind } from "ts-morph";
import type { Head } from "../model/model.ts";
import { comment, pascal, type TextFile } from "./typed-module.ts";

/** Beyond so many labels a type of each takes an editor too long. */
const mostTyped = 10_000;

/** The labels of a model's classes as data of their own, since a thousand would hide all else; none where it has none. */
export function labelFiles(name: string, head: Head, banner: readonly string[]): readonly TextFile[] {
  if (head.kind !== "classifier" || head.labels === null) return [];
  const file = labelsName(name);
  const first = comment(banner);
  const listed = head.labels.map(label => `  ${JSON.stringify(label)},\n`).join("");
  const type = head.labels.length > mostTyped ? "readonly string[]" : `readonly [\n${listed}]`;
  const doc = "/** Names of the classes, in the order of the logits. */";
  return [
    { path: `${file}.js`, contents: `${first}\nexport const labels = [\n${listed}];\n` },
    { path: `${file}.d.ts`, contents: `${first}\n${doc}\nexport declare const labels: ${type};\n` },
  ];
}

/** A model of that name, in any case, has a module of that name itself. */
const labelsName = (name: string): string => (name.toLowerCase() === "labels" ? "class_labels" : "labels");

/** Where a classifier's module has its labels from, for itself and for its users; nowhere where there are none. */
export const labelImports = (name: string, head: Head): readonly StatementStructures[] =>
  head.kind !== "classifier" || head.labels === null
    ? []
    : [
        {
          kind: StructureKind.ImportDeclaration,
          moduleSpecifier: `./${labelsName(name)}.js`,
          namedImports: ["labels"],
        },
      ];

/** The type of a class's name: null where it has none. */
export const labelTypeOf = (name: string, head: Head): string =>
  head.kind === "classifier" && head.labels !== null ? `${pascal(name)}Label` : "null";

/** What a classifier's module has beside the model: `topK`, and a type of its labels. */
export function classStatements(name: string, head: Head): readonly StatementStructures[] {
  if (head.kind !== "classifier" || head.classes === 0) return [];
  const named = head.labels !== null;
  const label = labelTypeOf(name, head);
  const labelType: StatementStructures = {
    kind: StructureKind.TypeAlias,
    name: label,
    isExported: true,
    docs: ["The name of a class."],
    type: "(typeof labels)[number]",
  };
  const means =
    head.problem === "single_label" ? "Probabilities are a softmax." : "Each probability is a sigmoid of its own.";
  return [
    ...(named ? [labelType] : []),
    {
      kind: StructureKind.Function,
      name: "topK",
      isExported: true,
      docs: [`The likeliest classes of each image, from \`logits\` [N, ${head.classes}]. ${means}`],
      parameters: [
        { name: "logits", type: "Float32Array" },
        { name: "k", type: "number", hasQuestionToken: true },
      ],
      returnType: `readonly (readonly runtime.TopClass<${label}>[])[]`,
      statements: [
        `const of = { classes: ${head.classes}, labels${named ? "" : ": null"}, problem: "${head.problem}" } as const;`,
        "return runtime.topK(logits, of, k);",
      ],
    },
  ];
}
