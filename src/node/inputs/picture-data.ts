import { createHash } from "node:crypto";
import * as path from "node:path";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error, warning, withNote } from "../../diagnostics/messages.ts";
import { isPictureChannels, type PictureChannels, toPlanes } from "../../preprocess/picture.ts";
import type { DataRequest, TrainingData } from "./batches.ts";
import { augmented, type Showing } from "./examples/augmented.ts";
import { type Examples, inEpochs, type Wanted } from "./examples/epochs.ts";
import type { ShownExample } from "./examples/inputs.ts";
import { listPictures, type PictureFile, type PictureFiles } from "./picture-files.ts";
import { readPicture } from "./pictures.ts";

/** The part of the pictures of which more than can be broken by chance. */
const mostBroken = 0.01;

/** A folder of pictures as what a model is trained on. */
export function openPictures(folder: string, request: DataRequest): Result<TrainingData> {
  const { model, recipe } = request;
  const { channels } = model.input;
  if (!isPictureChannels(channels)) return fail(error("no-picture-channels", null, model.name, channels));
  const files = listPictures(folder);
  if (!files.ok) return files;
  const { pictures, classes } = files.value;
  const place = { file: folder, offset: null };
  const wanted = model.head.kind === "classifier" ? model.head.classes : null;
  if (wanted !== null && wanted !== classes.length)
    return fail(error("classes-differ", place, classes.length, model.name, wanted));
  const { batch, accumulate, augment, seed } = recipe;
  const stepsPerEpoch = Math.floor(pictures.length / (batch * accumulate));
  if (stepsPerEpoch === 0) return fail(error("pictures-few", place, pictures.length, batch * accumulate));
  const showing = { input: model.input, augment, seed };
  return ok(inEpochs(pictureExamples(files.value, showing, channels), stepsPerEpoch, request));
}

/** Pictures in a model's size. One that cannot be decoded is passed over for the next; too many are an error. */
function pictureExamples({ folder, pictures }: PictureFiles, showing: Showing, channels: PictureChannels): Examples {
  const broken = new Map<string, Diagnostic>();
  const most = Math.max(1, Math.floor(pictures.length * mostBroken));
  const showOne = async ({ example, image }: Wanted): Promise<Result<ShownExample>> => {
    for (let at = example; ; at = (at + 1) % pictures.length) {
      const file = pictures[at] as PictureFile;
      const found = broken.has(file.path) ? null : await readPicture(path.join(folder, file.path), channels);
      if (found?.ok) return ok({ planes: toPlanes(augmented(found.value, image, showing)), label: file.label });
      const [problem] = found?.diagnostics ?? [];
      if (problem === undefined) continue;
      if (!problem.code.startsWith("image-")) return fail(problem);
      broken.set(file.path, problem);
      if (broken.size <= most) continue;
      const many = error("pictures-broken", { file: folder, offset: null }, broken.size, pictures.length);
      return fail(withNote(many, problem.message, problem.place));
    }
  };
  const sha256 = createHash("sha256");
  for (const { path: file, bytes } of pictures) sha256.update(`${file.split(path.sep).join("/")} ${bytes}\n`);
  return {
    count: pictures.length,
    sha256: sha256.digest("hex"),
    async show(wanted) {
      const shown: ShownExample[] = [];
      for (const one of wanted) {
        const found = await showOne(one);
        if (!found.ok) return found;
        shown.push(found.value);
      }
      return ok(shown);
    },
    odd: () => {
      const [first] = broken;
      if (first === undefined) return [];
      return [warning("pictures-passed-over", { file: path.join(folder, first[0]), offset: null }, broken.size)];
    },
    close: async () => {},
  };
}
