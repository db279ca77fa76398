import { createHash } from "node:crypto";
import * as path from "node:path";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error, warning, withNote } from "../../diagnostics/messages.ts";
import { inputPorts } from "../../model/inputs.ts";
import type { Model, Recipe } from "../../model/model.ts";
import { fitPicture } from "../../preprocess/fit.ts";
import { isPictureChannels, type Picture, type PictureChannels, toBatch } from "../../preprocess/picture.ts";
import { randomMask } from "../../runtime/mask.ts";
import { utf8 } from "../../weights/formats/utf8.ts";
import { fnv1a } from "../../weights/made/fnv1a.ts";
import { uniformStream } from "../../weights/made/streams.ts";
import type { DataRequest, TrainingData } from "./batches.ts";
import { listPictures, type PictureFile, type PictureFiles } from "./picture-files.ts";
import { readPicture } from "./pictures.ts";
import type { RunTensor } from "./tensors.ts";

/** The part of the pictures of which more than can be broken by chance. */
const mostBroken = 0.01;

/**
 * A folder of pictures as what a model is trained on. All that is drawn is a function of the recipe's seed and the number of
 * the image over the whole run, however it is cut into batches; what does not fill a step at the end of an epoch is left
 * for another.
 */
export function openPictures(folder: string, { model, recipe }: DataRequest): Result<TrainingData> {
  const { channels } = model.input;
  if (!isPictureChannels(channels)) return fail(error("no-picture-channels", null, model.name, channels));
  const files = listPictures(folder);
  if (!files.ok) return files;
  const { pictures, classes } = files.value;
  const place = { file: folder, offset: null };
  const wanted = model.head.kind === "classifier" ? model.head.classes : null;
  if (wanted !== null && wanted !== classes.length)
    return fail(error("classes-differ", place, classes.length, model.name, wanted));
  const { batch, accumulate, length } = recipe;
  const stepsPerEpoch = Math.floor(pictures.length / (batch * accumulate));
  if (stepsPerEpoch === 0) return fail(error("pictures-few", place, pictures.length, batch * accumulate));
  const stepsPerUnit = length.unit === "epochs" ? stepsPerEpoch : 1;

  const numbers = orders(recipe.seed, pictures.length);
  const reader = pictureReader(files.value, model, channels);
  const read: TrainingData["read"] = async (step, micro) => {
    const [epoch, within] = [Math.floor(step / stepsPerEpoch), step % stepsPerEpoch];
    const order = numbers(epoch);
    const first = (within * accumulate + micro) * batch;
    const shown: { readonly picture: Picture; readonly label: number | null }[] = [];
    for (let i = first; i < first + batch; i++) {
      const found = await reader.read(order[i] ?? 0);
      if (!found.ok) return found;
      shown.push(found.value);
    }
    const image = (step * accumulate + micro) * batch;
    return ok(inputsOf(shown, image, model, recipe));
  };
  const sha256 = createHash("sha256");
  for (const { path: file, bytes } of pictures) sha256.update(`${file.split(path.sep).join("/")} ${bytes}\n`);
  return ok({
    steps: length.count * stepsPerUnit,
    stepsPerUnit,
    sha256: sha256.digest("hex"),
    read,
    odd: reader.odd,
    close: async () => {},
  });
}

/** The order of the pictures in an epoch, which is worked out once: Fisher and Yates's. */
function orders(seed: number, count: number): (epoch: number) => Uint32Array {
  let [known, order] = [-1, new Uint32Array(count)];
  return epoch => {
    if (epoch === known) return order;
    const next = uniformStream(`${seed}:order:${epoch}`);
    order = order.map((_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const other = Math.floor(((next() + 1) / 2) * (i + 1));
      [order[i], order[other]] = [order[other] as number, order[i] as number];
    }
    known = epoch;
    return order;
  };
}

/** Reads pictures in a model's size. One that cannot be decoded is passed over for the next; too many are an error. */
function pictureReader({ folder, pictures }: PictureFiles, { input }: Model, channels: PictureChannels) {
  const broken = new Map<string, Diagnostic>();
  const most = Math.max(1, Math.floor(pictures.length * mostBroken));
  const readOne = async (file: PictureFile): Promise<Result<Picture>> =>
    readPicture(path.join(folder, file.path), channels);
  return {
    async read(number: number): Promise<Result<{ readonly picture: Picture; readonly label: number | null }>> {
      for (let at = number; ; at = (at + 1) % pictures.length) {
        const file = pictures[at] as PictureFile;
        const found = broken.has(file.path) ? null : await readOne(file);
        if (found?.ok) return ok({ picture: fitPicture(found.value, input), label: file.label });
        const [problem] = found?.diagnostics ?? [];
        if (problem === undefined) continue;
        if (!problem.code.startsWith("image-")) return fail(problem);
        broken.set(file.path, problem);
        if (broken.size <= most) continue;
        const many = error("pictures-broken", { file: folder, offset: null }, broken.size, pictures.length);
        return fail(withNote(many, problem.message, problem.place));
      }
    },
    odd: (): readonly Diagnostic[] => {
      const [first] = broken;
      if (first === undefined) return [];
      return [warning("pictures-passed-over", { file: path.join(folder, first[0]), offset: null }, broken.size)];
    },
  };
}

function inputsOf(
  shown: readonly { readonly picture: Picture; readonly label: number | null }[],
  image: number,
  model: Model,
  recipe: Recipe,
): ReadonlyMap<string, RunTensor> {
  const { height, width, channels } = model.input;
  const images = shown.length;
  const inputs = new Map<string, RunTensor>([
    ["pixel_values", { shape: [images, channels, height, width], data: toBatch(shown.map(({ picture }) => picture)) }],
  ]);
  const mask = inputPorts(model).find(({ keep }) => keep !== null);
  if (mask !== undefined) {
    const [patches = 0] = mask.shape;
    const one = { batch: 1, patches, keep: mask.keep ?? 0 };
    const drawn = shown.map((_, i) => randomMask(fnv1a(utf8(`${recipe.seed}:mask:${image + i}`)), one));
    inputs.set("mask", { shape: [images, patches], data: joined(drawn) });
  }
  if (model.head.kind === "classifier") {
    const { classes } = model.head;
    const rows = shown.map(({ label }) =>
      Float32Array.from(
        { length: classes },
        (_, k) => recipe.smoothing / classes + (k === label ? 1 - recipe.smoothing : 0),
      ),
    );
    inputs.set("targets", { shape: [images, classes], data: joined(rows) });
  }
  if (recipe.dropPath > 0) {
    const blocks = model.stages.reduce((sum, { depth }) => sum + depth, 0);
    const rows = shown.map((_, i) => keeps(recipe, blocks, image + i));
    inputs.set("keep", { shape: [images, blocks], data: joined(rows) });
  }
  return inputs;
}

/** Stochastic depth of an image: the rate rises from 0 at the first block to the recipe's at the last. */
function keeps({ seed, dropPath }: Recipe, blocks: number, image: number): Float32Array {
  const next = uniformStream(`${seed}:keep:${image}`);
  return Float32Array.from({ length: blocks }, (_, block) => {
    const rate = blocks === 1 ? 0 : (dropPath * block) / (blocks - 1);
    return (next() + 1) / 2 < rate ? 0 : 1 / (1 - rate);
  });
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const [first] = parts;
  const whole = new Float32Array(parts.length * (first?.length ?? 0));
  for (const [i, part] of parts.entries()) whole.set(part, i * part.length);
  return whole;
}
