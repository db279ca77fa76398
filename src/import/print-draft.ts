import type { Result } from "../diagnostics/diagnostic.ts";
import { type Head, usualProblem } from "../model/model.ts";
import { formatSpec } from "../syntax/format.ts";
import { type Draft, defaultKernel, defaults } from "./draft.ts";
import { printPreprocess } from "./print-preprocess.ts";

const list = (values: readonly (number | string)[]): string => `[${values.join(", ")}]`;

/** How each kind of head is written, and what is left out of it. */
const heads: { readonly [K in Head["kind"]]: (head: Extract<Head, { kind: K }>) => string } = {
  classifier: ({ classes, labels, problem, hiddenSize, normFirst }) => {
    const fields = [
      `classes ${classes}`,
      ...(hiddenSize === undefined ? [] : [`hidden_size ${hiddenSize}`]),
      ...(normFirst ? ["norm_first true"] : []),
      ...(labels === null ? [] : [`labels ${list(labels.map(label => `"${label}"`))}`]),
      ...(problem === usualProblem(classes) ? [] : [`problem ${problem}`]),
    ];
    return `classifier { ${fields.join(" ")} }`;
  },
  features: ({ levels, norm, outputStride }) =>
    `features { levels ${list(levels)} norm ${norm}${outputStride === undefined ? "" : ` output_stride ${outputStride}`} }`,
  fcmae: ({ maskRatio, patchSize, decoder, normPixLoss }) =>
    `fcmae { mask_ratio ${maskRatio} patch_size ${patchSize} ` +
    `decoder { depth ${decoder.depth} dim ${decoder.dim} } norm_pix_loss ${normPixLoss} }`,
};

/** `1e-6`, not `0.000001`. */
const small = (value: number): string => (value < 1e-3 ? value.toExponential() : `${value}`);

const printHead = (head: Head): string => (heads[head.kind] as (head: Head) => string)(head);

const printKernels = (kernels: readonly number[]): string =>
  new Set(kernels).size === 1 ? `${kernels[0]}` : list(kernels);

/** Every field with its value as a spec has it, in the order of the language's own table. */
const fields: readonly (readonly [name: string, print: (draft: Omit<Draft, "name" | "stages"> & Stages) => string])[] =
  [
    ["input", ({ input: { height, width, channels } }) => `${height}x${width}x${channels}`],
    ["preprocess", ({ preprocess, input }) => printPreprocess(preprocess, input)],
    ["head", ({ head }) => printHead(head)],
    ["stem", ({ stem }) => stem.overlap ?? `patch ${stem.patch}`],
    ["kernel_size", ({ kernels }) => printKernels(kernels)],
    ["mlp_ratio", ({ mlpRatio }) => `${mlpRatio}`],
    ["activation", ({ activation }) => activation],
    ["norm_layer", ({ normLayer = "layernorm" }) => normLayer],
    ["norm_eps", ({ normEps }) => small(normEps)],
    ["grn", ({ grn }) => grn],
    ["layer_scale", ({ layerScale }) => (layerScale === null ? "none" : small(layerScale))],
    ["conv_bias", ({ convBias = true }) => `${convBias}`],
  ];

interface Stages {
  readonly kernels: readonly number[];
}

/** A model as a spec of its own, laid out as `cnxc fmt` does, without the fields that have their default. */
export function printDraft(draft: Draft, comment: string): Result<string> {
  const { name, stages } = draft;
  const stated = { ...draft, kernels: stages.map(({ kernel }) => kernel) };
  const usual = { ...defaults, kernels: stages.map(() => defaultKernel) };
  const lines = fields.flatMap(([field, print]) =>
    print(stated) === print(usual) ? [] : [`${field} ${print(stated)}`],
  );
  const text = [
    `// ${comment}`,
    `model ${name} {`,
    `depths ${list(stages.map(({ depth }) => depth))}`,
    `dims ${list(stages.map(({ dim }) => dim))}`,
    ...lines,
    "}",
    "",
  ].join("\n");
  return formatSpec({ name: "the spec", text });
}
