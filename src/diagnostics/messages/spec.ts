import type { Message } from "../messages.ts";
import { short } from "./quoted.ts";

/** `, did you mean 'atto'?`, or nothing where no name is near. */
const orNearest = (nearest: string | null): string => (nearest === null ? "" : `, did you mean '${short(nearest)}'?`);

const nearestAre = (values: readonly string[]): string =>
  values.length === 0 ? "" : `, nearest ${values.length === 1 ? "is" : "are"} ${values.join(" and ")}`;

const entries = (count: number): string => (count === 1 ? "1 entry" : `${count} entries`);

/** `a → b → a`, without the middle of a long one. */
const path = (chain: readonly string[]): string => {
  const shown = chain.length <= 8 ? chain : [...chain.slice(0, 4), `${chain.length - 7} more`, ...chain.slice(-3)];
  return shown.map(short).join(" → ");
};

const codePoint = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;

/** Bytes, characters and signs: what a text may hold at all. */
const textMessages = {
  "empty-spec": { kind: "E_SPEC_EMPTY", text: () => "the spec declares nothing" },
  "spec-too-large": {
    kind: "E_SPEC_TOO_LARGE",
    text: (size: number, limit: number) => `the spec has ${size} bytes, more than the ${limit} a spec may have`,
  },
  utf16: {
    kind: "E_SPEC_ENCODING",
    text: (order: string) => `the spec is written in UTF-16${order}, save it as UTF-8`,
  },
  "not-utf8": {
    kind: "E_SPEC_ENCODING",
    text: (byte: number, offset: number) =>
      `byte 0x${byte.toString(16).toUpperCase().padStart(2, "0")} at offset ${offset} is not UTF-8`,
  },
  "byte-order-mark": {
    kind: "E_SPEC_ENCODING",
    text: () => "a byte-order mark (U+FEFF) may only stand at the start of a spec",
  },
  "control-character": {
    kind: "E_SPEC_ENCODING",
    text: (character: string) => `the control character ${codePoint(character)} may not stand in a spec`,
  },
  "bidi-control": {
    kind: "E_SPEC_ENCODING",
    text: (character: string) =>
      `the bidirectional control ${codePoint(character)} may not stand in a spec, not even in a comment`,
  },
  "lone-surrogate": {
    kind: "E_SPEC_ENCODING",
    text: (what: string) => `${what} is half of a surrogate pair, which stands for no character`,
  },
  "invisible-character": {
    kind: "E_SPEC_ENCODING",
    text: (character: string) => `the invisible character ${codePoint(character)} may only stand in a comment`,
  },
  "foreign-space": {
    kind: "E_SPEC_SYNTAX",
    text: (character: string) => `${codePoint(character)} is no blank here, write a plain space`,
  },
  "foreign-letter": {
    kind: "E_SPEC_NAME",
    text: (character: string) => `names are plain ASCII, ${codePoint(character)} is not`,
  },
  "foreign-character": {
    kind: "E_SPEC_SYNTAX",
    text: (character: string) => `${codePoint(character)} has no meaning outside comments`,
  },
  "nesting-too-deep": {
    kind: "E_SPEC_TOO_DEEP",
    text: (limit: number) => `brackets are nested more than ${limit} deep`,
  },
} as const satisfies Record<string, Message>;

const syntaxMessages = {
  syntax: { kind: "E_SPEC_SYNTAX", text: (expected: string) => `expected ${expected}` },
  "malformed-number": {
    kind: "E_SPEC_SYNTAX",
    text: (text: string) =>
      `'${short(text)}' is not a number, numbers look like 12, 0.6, 1e-6 or 5M, sizes like 224x224x3`,
  },
  "not-finite": { kind: "E_SPEC_SYNTAX", text: (text: string) => `'${short(text)}' is not a number a spec can hold` },
  "unterminated-string": { kind: "E_SPEC_SYNTAX", text: () => `the string has no closing '"' on its line` },
  "unterminated-comment": { kind: "E_SPEC_SYNTAX", text: () => "the comment has no closing '*/'" },
} as const satisfies Record<string, Message>;

const nameMessages = {
  "name-form": {
    kind: "E_SPEC_NAME",
    text: (name: string) => `'${short(name)}' is no name: a letter comes first, and '_' never twice in a row`,
  },
  "name-quoted": { kind: "E_SPEC_NAME", text: () => "names are written without quotes" },
  "name-too-long": {
    kind: "E_SPEC_NAME",
    text: (length: number, limit: number) => `the name has ${length} characters, more than ${limit}`,
  },
  "name-reserved": {
    kind: "E_SPEC_NAME",
    text: (name: string) => `'${short(name)}' is a device on Windows, and names become files`,
  },
  "duplicate-name": {
    kind: "E_SPEC_DUP",
    text: (what: string, name: string) => `a ${what} called '${short(name)}' exists already`,
  },
  "case-clash": {
    kind: "E_SPEC_DUP",
    text: (what: string, name: string, other: string) =>
      `the ${what}s '${short(name)}' and '${short(other)}' differ in case only, and names become files`,
  },
  "duplicate-field": { kind: "E_SPEC_DUP", text: (field: string) => `${short(field)} is given twice` },
  "duplicate-value": {
    kind: "E_SPEC_DUP",
    text: (where: string, value: string) => `${short(where)} holds ${short(value)} twice`,
  },
  "duplicate-axis": { kind: "E_SPEC_DUP", text: (path: string) => `${short(path)} is an axis already` },
  "unknown-model": {
    kind: "E_SPEC_UNDEF",
    text: (name: string, nearest: string | null) => `no model is called '${short(name)}'${orNearest(nearest)}`,
  },
  "unknown-field": {
    kind: "E_SPEC_UNDEF",
    text: (owner: string, name: string, nearest: string | null) =>
      `${short(owner)} has no field '${short(name)}'${orNearest(nearest)}`,
  },
  "unknown-word": {
    kind: "E_SPEC_UNDEF",
    text: (field: string, word: string, known: string, nearest: string | null) =>
      `${short(field)} is ${known}, not '${short(word)}'${orNearest(nearest)}`,
  },
  "missing-field": {
    kind: "E_SPEC_UNDEF",
    text: (owner: string, field: string) => `${short(owner)} needs ${short(field)}`,
  },
  "inherit-cycle": {
    kind: "E_SPEC_CYCLE",
    text: (chain: readonly string[]) => `a model cannot extend itself: ${path(chain)}`,
  },
} as const satisfies Record<string, Message>;

const importMessages = {
  "import-path": {
    kind: "E_SPEC_INCLUDE",
    text: (naming: string, why: string) =>
      `${naming} a file relative to this one with '/' between folders, this one ${why}`,
  },
  "import-outside": {
    kind: "E_SPEC_INCLUDE",
    text: (what: string, specifier: string) => `the ${what} '${short(specifier)}' leaves the folder of the spec`,
  },
  "import-unreadable": {
    kind: "E_SPEC_INCLUDE",
    text: (what: string, specifier: string, why: string) => `the ${what} '${short(specifier)}' cannot be read: ${why}`,
  },
  "import-cycle": {
    kind: "E_SPEC_CYCLE",
    text: (chain: readonly string[]) => `a spec cannot import itself: ${path(chain)}`,
  },
  "import-too-deep": {
    kind: "E_SPEC_LIMIT",
    text: (limit: number) => `imports are nested more than ${limit} deep`,
  },
  "too-many-files": { kind: "E_SPEC_LIMIT", text: (limit: number) => `a spec may draw on ${limit} files, not more` },
  "imports-too-large": {
    kind: "E_SPEC_LIMIT",
    text: (limit: number) => `the spec and its imports together have more than ${limit} characters`,
  },
} as const satisfies Record<string, Message>;

const valueMessages = {
  "wrong-type": {
    kind: "E_SPEC_TYPE",
    text: (field: string, takes: string, found: string) => `${short(field)} takes ${takes}, not ${short(found)}`,
  },
  "not-an-integer": {
    kind: "E_SPEC_TYPE",
    text: (field: string, value: string, nearest: readonly string[]) =>
      `${short(field)} ${short(value)} is not an integer${nearestAre(nearest)}`,
  },
  "unknown-dtype": {
    kind: "E_SPEC_TYPE",
    text: (field: string, word: string, known: string, nearest: string | null) =>
      `${short(field)} is ${known}, not '${short(word)}'${orNearest(nearest)}`,
  },
  "out-of-range": {
    kind: "E_SPEC_RANGE",
    text: (field: string, value: string, takes: string, nearest: readonly string[]) =>
      `${short(field)} ${short(value)} is not ${takes}${nearestAre(nearest)}`,
  },
  "empty-list": { kind: "E_SPEC_RANGE", text: (field: string) => `${short(field)} needs at least one entry` },
  "empty-range": {
    kind: "E_SPEC_RANGE",
    text: (field: string, from: string, to: string) =>
      `${short(field)} goes from ${short(from)} up to ${short(to)}, which holds nothing`,
  },
  "unknown-channel": {
    kind: "E_SPEC_RANGE",
    text: (channel: number, channels: number) =>
      `channel ${channel} does not exist, the input has ${channels === 1 ? "0 alone" : `0 to ${channels - 1}`}`,
  },
  "resize-small": {
    kind: "E_SPEC_RANGE",
    text: (side: number, height: number, width: number, least: number) =>
      `preprocess.resize ${side} makes pictures too small to cut ${height}x${width} out of, nearest is ${least}`,
  },
  "unknown-level": {
    kind: "E_SPEC_RANGE",
    text: (level: number, stages: number) => `level ${level} does not exist, the stages are 1 to ${stages}`,
  },
  "kept-patches": {
    kind: "E_SPEC_RANGE",
    text: (ratio: number, kept: number, patches: number) =>
      `mask_ratio ${ratio} leaves ${kept} of ${patches} kept, but at least 1 must be kept and 1 removed`,
  },
} as const satisfies Record<string, Message>;

const shapeMessages = {
  "list-length": {
    kind: "E_SPEC_SHAPE",
    text: (field: string, count: number, min: number, max: number) =>
      `${short(field)} has ${entries(count)}, but takes ${min} to ${max}`,
  },
  "channels-differ": {
    kind: "E_SPEC_SHAPE",
    text: (field: string, count: number, channels: number) =>
      `${field} has ${entries(count)}, but the input has ${channels === 1 ? "1 channel" : `${channels} channels`}`,
  },
  "display-channels": {
    kind: "E_SPEC_SHAPE",
    text: (count: number) => `preprocess.display has ${entries(count)}, but takes 1 for grey, 3 for RGB or 4 for RGBA`,
  },
  "labels-differ": {
    kind: "E_SPEC_SHAPE",
    text: (count: number, classes: number) =>
      `head.labels has ${count === 1 ? "1 label" : `${count} labels`}, but head.classes says ${classes}; classes may be left out`,
  },
  "labels-unnamed": {
    kind: "E_SPEC_INCLUDE",
    text: (file: string, why: string) => `the file of labels '${short(file)}' cannot be read: ${why}`,
  },
  "stages-differ": {
    kind: "E_SPEC_SHAPE",
    text: (field: string, count: number, stages: number) =>
      `${short(field)} has ${entries(count)}, but depths makes ${stages === 1 ? "1 stage" : `${stages} stages`}`,
  },
  "small-input": {
    kind: "E_SPEC_SHAPE",
    text: (side: string, size: number, stride: number) =>
      `${side} ${size} is below the total stride ${stride}, nearest is ${stride}`,
  },
  "norm-of-one": {
    kind: "E_SPEC_SHAPE",
    text: () =>
      "simplenorm divides by the deviation of a site's channels, of which there is none where it has 1: give the stage 2 or more, or take rmsnorm",
  },
  "overlap-masked": {
    kind: "E_SPEC_SHAPE",
    text: (stem: string) =>
      `stem ${stem} sees pixels of removed patches beside kept ones, so a masked autoencoder takes 'stem patch N' alone`,
  },
  "output-stride": {
    kind: "E_SPEC_SHAPE",
    text: (stride: number, least: number, most: number) =>
      `output_stride ${stride} is not between the stem's stride ${least} and the total stride ${most}, nearest is ${stride < least ? least : most}`,
  },
  "uneven-patch-size": {
    kind: "E_SPEC_SHAPE",
    text: (patchSize: number, stride: number, nearest: readonly string[]) =>
      `patch_size ${patchSize} is not a multiple of the total stride ${stride}${nearestAre(nearest)}`,
  },
  "uneven-patches": {
    kind: "E_SPEC_SHAPE",
    text: (side: string, size: number, patchSize: number, nearest: readonly string[]) =>
      `${side} ${size} is not a multiple of patch_size ${patchSize}${nearestAre(nearest)}`,
  },
  "resize-and-crop": {
    kind: "E_SPEC_CONFLICT",
    text: () => "preprocess.crop says again what preprocess.resize in pixels says; leave one out",
  },
  "single-class": {
    kind: "E_SPEC_CONFLICT",
    text: () => "one class alone is always the likeliest, 100 % of a softmax: leave problem out, or say multi_label",
  },
  "axis-overlap": {
    kind: "E_SPEC_CONFLICT",
    text: (path: string, other: string) => `${short(path)} is a part of ${short(other)}, and both are axes`,
  },
} as const satisfies Record<string, Message>;

const recipeMessages = {
  "nothing-to-learn": {
    kind: "E_SPEC_CONFLICT",
    text: (model: string, head: string) =>
      `model '${short(model)}' has ${head}, which has no loss; train one with head fcmae, or a classifier of single labels`,
  },
  "steps-and-epochs": {
    kind: "E_SPEC_CONFLICT",
    text: () => "a recipe runs for steps or for epochs, not for both; leave one out",
  },
  "layer-groups": {
    kind: "E_SPEC_CONFLICT",
    text: (depths: string, grouped: string) =>
      `layer_decay_type group is for depths [${grouped}], not [${depths}]; choose single`,
  },
  "warmup-too-long": {
    kind: "W_SPEC",
    text: (warmup: number, bound: number, unit: string, other: string) =>
      `the warm-up lasts ${warmup} ${unit} of ${bound}, so that lr is never reached; shorten warmup, or raise ${other}`,
  },
  "nothing-decays": {
    kind: "W_SPEC",
    text: () => "weight_decay is 0, so that nothing decays; 0.05 is published",
  },
  "no-labels": {
    kind: "W_SPEC",
    text: (model: string) =>
      `smoothing is of labels, which the masked autoencoder '${short(model)}' has none of; leave it out`,
  },
  "no-labels-to-mix": {
    kind: "E_SPEC_CONFLICT",
    text: (model: string) =>
      `mixup and cutmix mix labels, which the masked autoencoder '${short(model)}' has none of; leave them out`,
  },
  "odd-to-mix": {
    kind: "E_SPEC_CONFLICT",
    text: (batch: number, nearest: readonly string[]) =>
      `mixup and cutmix take the images of a batch two by two, and ${batch} is odd${nearestAre(nearest)}`,
  },
  "no-layer-decay": {
    kind: "W_SPEC",
    text: () => "layer_decay_type says how layers decay, but layer_decay is none; give layer_decay, such as 0.9",
  },
} as const satisfies Record<string, Message>;

const limitMessages = {
  "too-many-declarations": {
    kind: "E_SPEC_LIMIT",
    text: (limit: number) => `a spec and its imports may declare ${limit} things, not more`,
  },
  "too-many-tokens": {
    kind: "E_SPEC_LIMIT",
    text: (limit: number) => `a spec may have ${limit} words and signs, not more`,
  },
  "list-too-long": { kind: "E_SPEC_LIMIT", text: (limit: number) => `a list may have ${limit} entries, not more` },
  "string-too-long": {
    kind: "E_SPEC_LIMIT",
    text: (limit: number) => `a string may have ${limit} characters, not more`,
  },
  "too-many-blocks": {
    kind: "E_SPEC_LIMIT",
    text: (blocks: number, limit: number) => `depths asks for ${blocks} blocks, more than ${limit}`,
  },
  "too-many-parameters": {
    kind: "E_SPEC_LIMIT",
    text: (estimate: string, limit: string) => `the model has about ${estimate} parameters, more than ${limit}`,
  },
  "too-many-values": {
    kind: "E_SPEC_LIMIT",
    text: (path: string, count: number, limit: number) => `${short(path)} takes ${count} values, more than ${limit}`,
  },
  "sweep-too-large": {
    kind: "E_SPEC_LIMIT",
    text: (name: string, points: number, limit: number) =>
      `the sweep '${short(name)}' has ${points} points before its requirements, more than ${limit}`,
  },
} as const satisfies Record<string, Message>;

/** What can be wrong with a spec. */
export const specMessages = {
  ...textMessages,
  ...syntaxMessages,
  ...nameMessages,
  ...importMessages,
  ...valueMessages,
  ...shapeMessages,
  ...recipeMessages,
  ...limitMessages,
} as const;
