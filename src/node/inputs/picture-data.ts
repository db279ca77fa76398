import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import { channelsRead } from "../../preprocess/picture.ts";
import { usualThreads } from "../process/threads.ts";
import type { DataRequest, TrainingData } from "./batches.ts";
import { inEpochs } from "./examples/epochs.ts";
import { pictureExamples } from "./examples/picture-examples.ts";
import { listPicturesFor } from "./picture-files.ts";

/** A folder of pictures as what a model is trained on, decoded by so many threads, which change no bit of it. */
export function openPictures(
  folder: string,
  request: DataRequest,
  threads: number = usualThreads(),
): Result<TrainingData> {
  const { model, recipe } = request;
  const channels = channelsRead(model);
  if (channels === null)
    return fail(
      withNote(
        error("no-picture-channels", null, model.name, model.input.channels),
        "--data takes tensors of any channels",
      ),
    );
  const files = listPicturesFor(model, folder);
  if (!files.ok) return files;
  const { pictures, classes } = files.value;
  const place = { file: folder, offset: null };
  const wanted = model.head.kind === "classifier" ? model.head.classes : null;
  if (wanted !== null && wanted !== classes.length)
    return fail(error("classes-differ", place, classes.length, model.name, wanted));
  const images = recipe.batch * recipe.accumulate;
  if (pictures.length < images) return fail(error("pictures-few", place, pictures.length, images));
  const showing = { input: model.input, preprocess: model.preprocess, augment: recipe.augment, seed: recipe.seed };
  return ok(inEpochs(pictureExamples(files.value, { showing, channels }, threads), request));
}
