import * as path from "node:path";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { invariant } from "../../diagnostics/invariant.ts";
import { error } from "../../diagnostics/messages.ts";
import { type Fcmae, type Model, patchGrid } from "../../model/model.ts";
import { type Picture, toBatch, toPicture } from "../../preprocess/picture.ts";
import { channelDistance } from "../../reconstruct/collapse.ts";
import { type PageContent, page } from "../../reconstruct/page.ts";
import { hidePatches, reconstruct as paste } from "../../reconstruct/patches.ts";
import { strip } from "../../reconstruct/strip.ts";
import { randomMask } from "../../runtime/mask.ts";
import { elements } from "../../weights/tensor.ts";
import { type ExecutorName, executor } from "../executors/executors.ts";
import type { AdapterKind } from "../gpu/adapters.ts";
import { type ModelChoice, oneModel } from "../inputs/one-model.ts";
import { openWeights, type WeightsOptions, withWeights } from "../inputs/open-weights.ts";
import { pngOf, readFitted } from "../inputs/pictures.ts";
import { type RunTensor, readInputs } from "../inputs/tensors.ts";

export interface ReconstructJob extends ModelChoice {
  readonly on: ExecutorName;
  /** Where WebGPU runs; null on other executors. */
  readonly adapter: AdapterKind | null;
  readonly weights: string;
  readonly binding: WeightsOptions;
  /** Pictures, or where there are none a file of `pixel_values` of any channels. */
  readonly images: readonly string[];
  readonly input: string | null;
  readonly seed: number;
  readonly format: Format;
}

/** What is made of the reconstructions. */
export type Format = keyof typeof formats;

export interface Reconstructed {
  readonly file: Uint8Array;
  readonly loss: number;
  readonly images: readonly { readonly name: string; readonly loss: number }[];
  readonly stages: readonly Stage[];
  readonly on: string;
  readonly milliseconds: number;
}

export interface Stage {
  readonly name: string;
  readonly channels: number;
  readonly distances: readonly number[];
}

interface Shown {
  readonly name: string;
  readonly loss: number;
  readonly input: Picture;
  readonly masked: Picture;
  readonly reconstruction: Picture;
}

interface FcmaeModel extends Model {
  readonly head: Fcmae;
}

/** Reads spec, weights and images, runs the model once on all of them, and shows what it made of the removed patches. */
export async function reconstruct(job: ReconstructJob): Promise<Result<Reconstructed>> {
  const found = oneModel(job);
  if (!found.ok) return found;
  const model = found.value;
  if (!hasDecoder(model)) return fail(error("no-reconstruction", null, model.name, model.head.kind));
  const read = job.input === null ? await readPictures(job, model) : await readTensors(job.input, job.seed, model);
  if (!read.ok) return read;
  const { names, inputs } = read.value;
  const whileRead: Diagnostic[] = [];
  const weights = await openWeights(job.weights, model, diagnostic => whileRead.push(diagnostic), job.binding);
  return withWeights(weights, async opened => {
    const { taps, write } = formats[job.format];
    const execute = await executor(job.on, { adapter: job.adapter, dtype: "f32", tf32: false });
    const report = await execute({
      model,
      batch: names.length,
      taps: taps(model),
      sites: "auto",
      weights: opened,
      inputs: new Map(Object.entries(inputs)),
    });
    if (!report.ok) return report;
    const { outputs, on, milliseconds } = report.value;
    const images = show(model, names, inputs, must(outputs, "pred"));
    const stages = taps(model).map(tap =>
      stageOf(tap, must(outputs, tap), inputs.mask, patchGrid(model.input, model.head)),
    );
    const loss = must(outputs, "loss").data[0] ?? Number.NaN;
    const file = await write({
      title: `Reconstructions of ${model.name}`,
      model,
      images,
      stages,
      facts: factsOf(job, model, loss, on),
    });
    if (!file.ok) return file;
    const warnings = [
      ...found.diagnostics,
      ...read.diagnostics,
      ...weights.diagnostics,
      ...whileRead,
      ...report.diagnostics,
    ];
    const losses = images.map(({ name, loss }) => ({ name, loss }));
    return ok({ file: file.value, loss, images: losses, stages, on, milliseconds }, warnings);
  });
}

const hasDecoder = (model: Model): model is FcmaeModel => model.head.kind === "fcmae";

interface Inputs {
  readonly pixel_values: RunTensor;
  readonly mask: RunTensor;
}

/** What a model is run on, and what each image is called. */
interface Named {
  readonly names: readonly string[];
  readonly inputs: Inputs;
}

async function readPictures({ images, seed }: ReconstructJob, model: FcmaeModel): Promise<Result<Named>> {
  const pictures: Picture[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const image of images) {
    const picture = await readFitted(image, model, model.head.patchSize);
    if (!picture.ok) return picture;
    pictures.push(picture.value);
    diagnostics.push(...picture.diagnostics);
  }
  const names = images.map(file => path.basename(file));
  return ok({ names, inputs: inputsOf(model, pictures, seed) }, diagnostics);
}

async function readTensors(file: string, seed: number, model: FcmaeModel): Promise<Result<Named>> {
  const read = await readInputs({ input: file, mask: seed }, model);
  if (!read.ok) return read;
  const inputs = { pixel_values: must(read.value, "pixel_values"), mask: must(read.value, "mask") };
  const [count = 0] = inputs.pixel_values.shape;
  const names = Array.from({ length: count }, (_, n) => `${path.basename(file)}[${n}]`);
  return ok({ names, inputs }, read.diagnostics);
}

function inputsOf({ input, preprocess, head }: FcmaeModel, pictures: readonly Picture[], seed: number): Inputs {
  const { height, width, channels } = input;
  const { rows, columns, keep } = patchGrid(input, head);
  const batch = pictures.length;
  const patches = rows * columns;
  return {
    pixel_values: { shape: [batch, channels, height, width], data: toBatch(pictures, preprocess) },
    mask: { shape: [batch, patches], data: randomMask(seed, { batch, patches, keep }) },
  };
}

function must(tensors: ReadonlyMap<string, RunTensor>, name: string): RunTensor {
  const found = tensors.get(name);
  invariant(found !== undefined, `a masked autoencoder has no '${name}'`);
  return found;
}

/** What one image of a batch has in a tensor. */
export function imageOf({ shape, data }: RunTensor, n: number): Float32Array {
  const size = elements(shape.slice(1));
  return data.subarray(n * size, (n + 1) * size);
}

const show = (
  model: FcmaeModel,
  names: readonly string[],
  { pixel_values, mask }: Inputs,
  pred: RunTensor,
): readonly Shown[] =>
  names.map((name, n) => {
    const { input, head } = model;
    const [planes, removed] = [imageOf(pixel_values, n), imageOf(mask, n)];
    const picture = toPicture(planes, model);
    const of = { input, patchSize: head.patchSize };
    const { planes: pasted, loss } = paste(planes, removed, imageOf(pred, n), of, head.normPixLoss);
    return {
      name,
      loss,
      input: picture,
      masked: hidePatches(picture, removed, head.patchSize),
      reconstruction: toPicture(pasted, model),
    };
  });

/** How far the channels of a stage's maps are apart, image by image. */
export function stageOf(name: string, map: RunTensor, mask: RunTensor, grid: ReturnType<typeof patchGrid>): Stage {
  const [batch = 0, channels = 0, height = 0, width = 0] = map.shape;
  const distances = Array.from({ length: batch }, (_, n) =>
    channelDistance({ channels, height, width, data: imageOf(map, n) }, imageOf(mask, n), grid.rows, grid.columns),
  );
  return { name, channels, distances };
}

function factsOf(job: ReconstructJob, { input, head }: FcmaeModel, loss: number, on: string): Content["facts"] {
  const { rows, columns, keep } = patchGrid(input, head);
  return [
    ["Weights", path.basename(job.weights)],
    ["Ran on", on],
    ["Input", `${input.width} × ${input.height}, patches of ${head.patchSize}`],
    ["Kept patches", `${keep} of ${rows * columns}, seed ${job.seed}`],
    ["Pixels", head.normPixLoss ? "normalised patch by patch" : "as they are"],
    ["Loss", loss.toFixed(4)],
  ];
}

interface Content {
  readonly title: string;
  readonly model: FcmaeModel;
  readonly images: readonly Shown[];
  readonly stages: readonly Stage[];
  readonly facts: PageContent["facts"];
}

/** Each with the modules it needs to look into. */
const formats = {
  png: {
    taps: () => [],
    write: ({ images }) =>
      pngOf(strip(images.map(({ input, masked, reconstruction }) => [input, masked, reconstruction]))),
  },
  html: {
    taps: ({ stages }) => stages.map((_, i) => `stages.${i}`),
    write: async ({ title, model, images, stages, facts }) => {
      const shown: PageContent["images"][number][] = [];
      for (const { name, loss, ...pictures } of images) {
        const [input, masked, reconstruction] = [
          await dataUri(pictures.input),
          await dataUri(pictures.masked),
          await dataUri(pictures.reconstruction),
        ];
        if (!input.ok) return input;
        if (!masked.ok) return masked;
        if (!reconstruction.ok) return reconstruction;
        shown.push({ name, loss, input: input.value, masked: masked.value, reconstruction: reconstruction.value });
      }
      return ok(Buffer.from(page({ title, facts, images: shown, size: model.input, stages })));
    },
  },
} as const satisfies Record<
  string,
  { taps: (model: FcmaeModel) => readonly string[]; write: (content: Content) => Promise<Result<Uint8Array>> }
>;

/** A picture as an address that holds all of it. */
export async function dataUri(picture: Picture): Promise<Result<string>> {
  const png = await pngOf(picture);
  return png.ok ? ok(`data:image/png;base64,${Buffer.from(png.value).toString("base64")}`) : png;
}
