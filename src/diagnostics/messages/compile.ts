import type { Message } from "../messages.ts";
import { quoted } from "./quoted.ts";

/** What can be wrong with a request to compile a checked spec. */
export const compileMessages = {
  "no-such-model": {
    kind: "E_USAGE",
    text: (name: string, nearest: string | null, known: string) =>
      `the spec has no model ${quoted(name)}, ${nearest === null ? `it has ${known}` : `did you mean ${quoted(nearest)}?`}`,
  },
  "no-such-build": {
    kind: "E_USAGE",
    text: (name: string, nearest: string | null, known: string) =>
      `the spec has no build ${quoted(name)}, ${nearest === null ? `it has ${known}` : `did you mean ${quoted(nearest)}?`}`,
  },
  "no-models": {
    kind: "E_USAGE",
    text: (file: string) =>
      `${file} declares no model of its own; name one it imports with --model, or a build with --build`,
  },
  "model-needed": { kind: "E_USAGE", text: (known: string) => `name one model with --model: ${known}` },
  "no-such-recipe": {
    kind: "E_USAGE",
    text: (name: string, nearest: string | null, known: string) =>
      `the spec has no recipe ${quoted(name)}, ${nearest === null ? `it has ${known}` : `did you mean ${quoted(nearest)}?`}`,
  },
  "no-recipes": {
    kind: "E_USAGE",
    text: (file: string) =>
      `${file} declares no recipe of its own; write one, train NAME { … }, name one it imports with --train, or a model with --model`,
  },
  "train-or-model": {
    kind: "E_USAGE",
    text: () => "a recipe says which model it trains; name a recipe with --train or a model with --model, not both",
  },
  "recipe-model": {
    kind: "E_USAGE",
    text: (recipe: string, model: string) =>
      `recipe ${quoted(recipe)} trains model ${quoted(model)}, which is not compiled; leave --model and --build out, or name it too`,
  },
  "train-misplaced": {
    kind: "E_USAGE",
    text: (target: string) =>
      `--train makes what trains a model, not for ${target}: a graph keeps no state, and its runtimes do not train; leave it out, or give --target wgsl or cuda`,
  },
  "learning-lowered": {
    kind: "E_USAGE",
    text: () => "what learns is looked at as WebGPU runs it, in f32; leave --target and --dtype out",
  },
  "recipe-needed": { kind: "E_USAGE", text: (known: string) => `name one recipe with --train: ${known}` },
  "epochs-of-batches": {
    kind: "E_USAGE",
    text: (recipe: string) =>
      `how many steps an epoch of ready batches has, nobody knows; say in train ${recipe} how many steps it runs, not how many epochs`,
  },
  "weights-need-one-model": {
    kind: "E_USAGE",
    text: () => "weights fit one model, but several would be compiled; name one with --model",
  },
  "bundle-misplaced": {
    kind: "E_USAGE",
    text: (targets: string) =>
      `--bundle makes one file of a host module and its kernels, not for ${targets}; leave it out, or give --target wgsl`,
  },
  "output-clash": {
    kind: "E_USAGE",
    text: (name: string) =>
      `two specs declare a model ${quoted(name)}, which would be written to one folder; compile them into two`,
  },
  "no-reconstruction": {
    kind: "E_USAGE",
    text: (name: string, head: string) =>
      `model ${quoted(name)} has a ${head} head, which reconstructs nothing; choose a model with head fcmae`,
  },
  "no-such-processor": {
    kind: "E_USAGE",
    text: (name: string, what: string) =>
      `no image processor of transformers prepares pictures as model ${quoted(name)} wants them (${what}): use --layout plain`,
  },
  "interpolation-unsaid": {
    kind: "E_USAGE",
    text: (name: string, filter: string, target: string, known: string) =>
      `--preprocess makes nothing of interpolation ${filter} for ${target}, which model ${quoted(name)} has: it knows ${known}`,
  },
  "no-picture-channels": {
    kind: "E_USAGE",
    text: (name: string, channels: number) =>
      `model ${quoted(name)} takes ${channels} channels, but a picture gives 1 (grey), 3 (RGB) or 4 (RGB and alpha); preprocess { bands … } says which become which`,
  },
  "no-such-gradient": {
    kind: "E_USAGE",
    text: (pattern: string, nearest: string | null) =>
      `no parameter or input of the model is called ${quoted(pattern)}${nearest === null ? "; * stands for any characters" : `, did you mean ${quoted(nearest)}?`}`,
  },
  "gradients-missing": {
    kind: "E_USAGE",
    text: (executor: string, others: readonly string[]) =>
      `${executor} computes no gradients; choose --on ${others.join(" or ")}`,
  },
  "no-such-tap": {
    kind: "E_USAGE",
    text: (name: string, nearest: string | null) =>
      `the model has no module ${quoted(name)}${nearest === null ? "" : `, did you mean ${quoted(nearest)}?`}`,
  },
  "no-such-class": {
    kind: "E_T_FEATURE",
    text: (model: string, head: string) =>
      `transformers has no class for the ${head} head of model ${quoted(model)}, so a Hugging Face layout would load as something else; leave out --layout`,
  },
  "target-missing": {
    kind: "E_T_FEATURE",
    text: (target: string, known: string) => `cnxc has no ${target} target yet, it has ${known}`,
  },
  "dtype-missing": {
    kind: "E_T_FEATURE",
    text: (dtype: string, target: string, stored: string) => `the ${target} target stores ${stored}, not ${dtype}`,
  },
  "beyond-half": {
    kind: "E_W_RANGE",
    text: (tensor: string, index: number, value: number) =>
      `value ${index} of ${quoted(tensor)} is ${value}, but f16 ends at 65504; compile the model with --dtype f32`,
  },
  "activations-beyond-half": {
    kind: "E_W_RANGE",
    text: (module: string, value: number) =>
      `${quoted(module)} reaches ${value.toPrecision(4)} on these inputs, but f16 ends at 65504; compile the model with --dtype f32`,
  },
  "inline-too-large": {
    kind: "E_SPEC_LIMIT",
    text: (model: string, bytes: number) =>
      `the weights of model ${quoted(model)} take ${(bytes / 1e9).toFixed(2)} GB, but an ONNX file ends at 2 GiB; leave out --onnx-inline, and they go to a file beside it`,
  },
  "binding-too-large": {
    kind: "E_T_LIMIT",
    text: (what: string, bytes: number, limit: string, allowed: number, hint: string) =>
      `${what} needs ${bytes} bytes, but ${limit} is ${allowed} by default; ${hint}`,
  },
  "patches-too-many": {
    kind: "E_T_LIMIT",
    text: (patches: number, rows: number, allowed: number) =>
      `the mask has ${patches} patches, ${rows} rows of sites in all, but an ONNX graph counts no further than ${allowed}; choose a larger patch_size, or --sites masked`,
  },
  "cuda-elements-too-many": {
    kind: "E_T_LIMIT",
    text: (what: string, elements: number, allowed: number) =>
      `${what} works on ${elements} elements, but CUDA's kernels count no further than ${allowed}; choose a smaller input, batch or model`,
  },
  "cuda-shared-too-large": {
    kind: "E_T_LIMIT",
    text: (what: string, bytes: number, allowed: number) =>
      `${what} needs ${bytes} bytes of shared memory, but no CUDA device has more than ${allowed} for a block; choose fewer channels, a smaller mlp_ratio or a smaller stem patch`,
  },
  "grid-too-large": {
    kind: "E_T_LIMIT",
    text: (what: string, groups: number, allowed: number) =>
      `${what} takes ${groups} workgroups in one dimension, but ${allowed} are allowed; choose a smaller input or batch`,
  },
} as const satisfies Record<string, Message>;
