import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { invariant } from "../../diagnostics/invariant.ts";
import { error, warning, withNote } from "../../diagnostics/messages.ts";
import { dtypeBytes, type FileDType, isWeightDType, toF32, weightDTypes } from "../dtype.ts";
import { translate } from "../names/names.ts";
import type { OfficialTensor } from "../names/official.ts";
import { joined } from "../pieces.ts";
import { elements } from "../tensor.ts";
import { fromF32 } from "./round.ts";
import { canAdapt } from "./shape-remedies.ts";

/** Changes that fit weights to another input or another set of classes; null leaves them as they are. */
export interface Adaptation {
  readonly channels: number | null;
  readonly classes: number | null;
}

export interface Adapted {
  readonly tensors: readonly OfficialTensor[];
  /** What was done, a sentence each. */
  readonly notes: readonly string[];
}

type Step = (tensors: readonly OfficialTensor[], wanted: number, file: string) => Result<Adapted>;

/** `file` is blamed for what it does not hold. */
export function adapt(tensors: readonly OfficialTensor[], wanted: Adaptation, file: string): Result<Adapted> {
  const none = ok<Adapted>({ tensors, notes: [] });
  // The head first: with a new one, a decoder is gone, which would have needed the channels that there were.
  const head = wanted.classes === null ? none : adaptHead(tensors, wanted.classes, file);
  if (!head.ok || wanted.channels === null) return head;
  const stem = adaptStem(head.value.tensors, wanted.channels, file);
  if (!stem.ok) return stem;
  return ok({ ...stem.value, notes: [...stem.value.notes, ...head.value.notes] }, head.diagnostics);
}

const refused = (file: string, tensor: OfficialTensor | undefined, option: string, why: string) =>
  fail(error("weights-not-adapted", tensor?.tensor?.place ?? { file, offset: null }, option, why));

const find = (tensors: readonly OfficialTensor[], name: string) => tensors.find(tensor => tensor.name === name);

const stemNames = ["downsample_layers.0.0.weight", "downsample_layers.0.conv0.weight"];

/** The first convolution. */
const findStem = (tensors: readonly OfficialTensor[]) => tensors.find(({ name }) => stemNames.includes(name));

/**
 * The stem's kernel for another number of channels, by timm's rule (`adapt_input_conv`): for 1 channel the sum over
 * those there are, else those of RGB in turn, times 3/N, so that an input whose channels are equal gives what it gave.
 */
const adaptStem: Step = (tensors, channels, file) => {
  const stem = findStem(tensors);
  const no = (why: string) => refused(file, stem, "--in-chans", why);
  if (stem === undefined) return no("the file has no stem");
  const there = stem.shape[1] ?? 0;
  if (there === channels) return ok({ tensors, notes: [] });
  if (find(tensors, "pred.weight")) return no(`the decoder predicts patches of ${there} channels`);
  if (!canAdapt(there, channels)) {
    const kept = `a spec for these weights says \`input HEIGHTxWIDTHx${there}\``;
    return fail(...no(`the stem takes ${there} channels, not 3`).diagnostics.map(told => withNote(told, kept)));
  }
  if (!isWeightDType(stem.dtype)) return fail(wrongType(stem));
  const { dtype } = stem;
  const shape = stem.shape.toSpliced(1, 1, channels);
  const adapted: OfficialTensor = {
    ...stem,
    shape,
    tensor: null,
    layout: "official",
    bytes: async () => {
      const values = toF32[dtype](await joined(await stem.bytes(), elements(stem.shape) * dtypeBytes[dtype]));
      return fromF32[dtype](channels === 1 ? summed(values, stem.shape) : repeated(values, stem.shape, channels));
    },
  };
  const how = channels === 1 ? `summed over ${there} channels` : `3 channels in turn, times 3/${channels}`;
  return ok({
    tensors: tensors.map(tensor => (tensor === stem ? adapted : tensor)),
    notes: [`${stem.name} [${shape.join(", ")}]: ${how}`],
  });
};

const wrongType = ({ name, dtype, tensor }: OfficialTensor): Diagnostic =>
  error("weights-dtype", tensor?.place ?? null, name, dtype, weightDTypes);

/** [O, I, y, x] to [O, 1, y, x]. */
function summed(values: Float32Array, [outputs = 0, inputs = 0, ...taps]: readonly number[]): Float32Array {
  const size = elements(taps);
  const sums = new Float32Array(outputs * size);
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let t = 0; t < size; t++)
        sums[o * size + t] = (sums[o * size + t] as number) + (values[(o * inputs + i) * size + t] as number);
  return sums;
}

/** [O, 3, y, x] to [O, N, y, x]; the factor is rounded to float32 first, as torch does. */
function repeated(values: Float32Array, [outputs = 0, inputs = 0, ...taps]: readonly number[], channels: number) {
  const size = elements(taps);
  const factor = Math.fround(3 / channels);
  const made = new Float32Array(outputs * channels * size);
  for (let o = 0; o < outputs; o++)
    for (let c = 0; c < channels; c++)
      for (let t = 0; t < size; t++)
        made[(o * channels + c) * size + t] = factor * (values[(o * inputs + (c % 3)) * size + t] as number);
  return made;
}

/** Names in one note. */
const maxNamed = 5;

const named = (names: readonly string[]): string =>
  `${names.slice(0, maxNamed).join(", ")}${names.length > maxNamed ? ` and ${names.length - maxNamed} more` : ""}`;

/**
 * A head for so many classes: weight and bias zero, as nothing is known of them before training, and the final
 * LayerNorm, where there is none, as it starts: ones and zeros. 0 classes leave the linear layer out.
 * A decoder goes too: what pre-training leaves is then what a classifier starts from.
 */
const adaptHead: Step = (tensors, classes, file) => {
  const stem = findStem(tensors);
  if (stem === undefined) return refused(file, stem, "--classes", "the file has no encoder");
  const last = lastDim(tensors);
  const width = find(tensors, "pre_logits.fc.weight")?.shape[0] ?? last;
  const kept = tensors.filter(
    ({ known, name }) => known.part === "trunk" || /^(norm|norm_pre|pre_logits\.fc)\./.test(name),
  );
  const dropped = tensors.filter(tensor => !kept.includes(tensor)).map(({ name }) => name);
  const lost = dropped.filter(name => classes === 0 || !/^head\./.test(name));
  const fresh = (name: string, shape: readonly number[], value: number) => made(name, shape, value, stem.dtype);
  const norm =
    find(tensors, "norm.weight") || find(tensors, "norm_pre.weight")
      ? []
      : [fresh("norm.weight", [last], 1), fresh("norm.bias", [last], 0)];
  const head = classes === 0 ? [] : [fresh("head.weight", [classes, width], 0), fresh("head.bias", [classes], 0)];
  const notes = [
    ...(norm.length > 0 ? [`norm.weight, norm.bias [${last}]: new, ones and zeros`] : []),
    ...(head.length > 0 ? [`head.weight [${classes}, ${width}], head.bias [${classes}]: new, zeros`] : []),
    ...(lost.length > 0 ? [`${named(lost)}: left out`] : []),
  ];
  const zeros = classes === 0 ? [] : [warning("weights-head-zero", { file, offset: null })];
  return ok({ tensors: [...kept, ...norm, ...head], notes }, zeros);
};

/** Channels of the last stage, by its depthwise kernels. */
function lastDim(tensors: readonly OfficialTensor[]): number {
  const kernels = tensors.filter(({ name }) => /^stages\.\d+\.\d+\.dwconv\.weight$/.test(name));
  const stage = ({ name }: OfficialTensor) => Number(name.split(".")[1]);
  const last = kernels.reduce<OfficialTensor | null>((a, b) => (a === null || stage(b) > stage(a) ? b : a), null);
  return last?.shape[0] ?? 0;
}

function made(name: string, shape: readonly number[], value: number, like: FileDType): OfficialTensor {
  const known = translate(name, "official", "official");
  invariant(known !== null, `'${name}' is no official name`);
  const dtype = isWeightDType(like) ? like : "F32";
  const bytes = () => fromF32[dtype](new Float32Array(elements(shape)).fill(value));
  return { name, known, dtype, shape, tensor: null, layout: "official", bytes };
}
