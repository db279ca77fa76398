import * as path from "node:path";
import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import type { Model } from "../../model/model.ts";
import { fitPicture } from "../../preprocess/fit.ts";
import { channelsRead, type Picture } from "../../preprocess/picture.ts";
import { uniformStream } from "../../weights/made/streams.ts";
import { listPicturesFor, type PictureFile, type PictureFiles } from "./picture-files.ts";
import { readPicture } from "./pictures.ts";

/** A picture in a model's size, as the published evaluation has it. */
export interface EvaluationPicture {
  /** Below the folder. */
  readonly path: string;
  /** Among all pictures of the folder, from 0. */
  readonly number: number;
  readonly picture: Picture;
  /** The number of its class; null where there are none. */
  readonly label: number | null;
}

/** Pictures of a folder that a model is looked at with: always the same ones, in the order of their names. */
export interface EvaluationPictures {
  /** Names of classes in order; none where the pictures lie in the folder itself. */
  readonly classes: readonly string[];
  /** How many there are. */
  readonly count: number;
  /** Some after others, fewer where one cannot be decoded; an error where more than one in a hundred cannot. */
  read(from: number, count: number): Promise<Result<readonly EvaluationPicture[]>>;
  /** Those that could not be decoded, with the reason. */
  broken(): ReadonlyMap<string, Diagnostic>;
}

export interface EvaluationRequest {
  readonly model: Model;
  readonly seed: number;
  /** Most pictures that are taken, chosen by the seed. */
  readonly most: number;
  /** Names of the classes that a label counts, instead of the folder's own. */
  readonly classes: readonly string[] | null;
  readonly as: keyof typeof mostBroken;
}

/** The part of the pictures of which more than can be broken by chance. A report has fewer pictures then, and no harm is done. */
const mostBroken = { "trained on": 0.01, "held out": 0.01, "looked at": 1 } as const;

export function openEvaluation(folder: string, request: EvaluationRequest): Result<EvaluationPictures> {
  const { model, seed, most, classes, as } = request;
  const channels = channelsRead(model);
  if (channels === null) return fail(error("no-picture-channels", null, model.name, model.input.channels));
  const files = listPicturesFor(model, folder);
  if (!files.ok) return files;
  const labels = labelsOf(files.value, classes);
  if (!labels.ok) return labels;
  const { pictures } = files.value;
  const chosen = choose(pictures.length, most, `${seed}:evaluation`);
  const broken = new Map<string, Diagnostic>();
  const mayBreak = Math.max(1, Math.floor(chosen.length * mostBroken[as]));
  const read: EvaluationPictures["read"] = async (from, count) => {
    const found: EvaluationPicture[] = [];
    for (const number of chosen.slice(from, from + count)) {
      const file = pictures[number] as PictureFile;
      const picture = await readPicture(path.join(folder, file.path), channels);
      const label = file.label === null ? null : (labels.value[file.label] ?? null);
      if (picture.ok) found.push({ path: file.path, number, picture: fitPicture(picture.value, model), label });
      const [problem] = picture.diagnostics;
      if (picture.ok || problem === undefined) continue;
      if (!problem.code.startsWith("image-")) return fail(problem);
      broken.set(file.path, problem);
      if (broken.size <= mayBreak) continue;
      const many = error(
        "pictures-broken",
        { file: folder, offset: null },
        broken.size,
        chosen.length,
        as === "held out",
      );
      return fail(withNote(many, problem.message, problem.place));
    }
    return ok(found);
  };
  return ok({ classes: files.value.classes, count: chosen.length, read, broken: () => broken });
}

/** What each class of the folder is among these: a class of another name is an error. */
function labelsOf({ folder, classes }: PictureFiles, known: readonly string[] | null): Result<readonly number[]> {
  if (known === null) return ok(classes.map((_, label) => label));
  const unknown = classes.find(name => !known.includes(name));
  if (unknown === undefined) return ok(classes.map(name => known.indexOf(name)));
  return fail(error("class-unknown", { file: path.join(folder, unknown), offset: null }, unknown));
}

/** Some of so many things, in their order. */
function choose(count: number, most: number, stream: string): readonly number[] {
  const all = Array.from({ length: count }, (_, i) => i);
  if (count <= most) return all;
  const next = uniformStream(stream);
  for (let i = 0; i < most; i++) {
    const other = i + Math.floor(((next() + 1) / 2) * (count - i));
    [all[i], all[other]] = [all[other] as number, all[i] as number];
  }
  return all.slice(0, most).sort((a, b) => a - b);
}
