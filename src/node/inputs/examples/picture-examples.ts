import { createHash } from "node:crypto";
import * as path from "node:path";
import { type Diagnostic, fail, ok, type Result } from "../../../diagnostics/diagnostic.ts";
import { noteAll } from "../../files/read-so-far.ts";
import { openThreads } from "../../process/threads.ts";
import type { PictureFile, PictureFiles } from "../picture-files.ts";
import { ofOnePicture } from "../pictures.ts";
import type { Examples, Shown, Wanted } from "./epochs.ts";
import type { ShownExample } from "./inputs.ts";
import { sharePictures } from "./picture-memory.ts";
import type { ThreadAnswer, ThreadData, ThreadTask } from "./picture-thread.ts";

/** The part of the pictures of which more than can be broken by chance. */
const mostBroken = 0.01;

/** Pictures in a model's size, decoded by so many threads. One that cannot be read is passed over for the next. */
export function pictureExamples(
  { folder, pictures }: PictureFiles,
  showing: Omit<ThreadData, "memory">,
  count: number,
): Examples {
  const data: ThreadData = { ...showing, memory: sharePictures(pictures.length) };
  const threads = openThreads<readonly ThreadTask[], ThreadAnswer>("inputs/examples/picture-thread", data, count);
  const broken = new Map<string, Diagnostic>();
  const mostPassedOver = Math.min(pictures.length - 1, Math.max(1, Math.floor(pictures.length * mostBroken)));
  const fileOf = ({ path: below }: PictureFile): string => path.join(folder, below);

  /** What each of some pictures is as an image, in parts of about the same size. */
  const read = async (tasks: readonly ThreadTask[]): Promise<readonly Result<Float32Array>[]> => {
    const size = Math.ceil(tasks.length / threads.count);
    const parts = Array.from({ length: Math.ceil(tasks.length / size) }, (_, i) =>
      tasks.slice(i * size, (i + 1) * size),
    );
    const answers = await Promise.all(parts.map(threads.run));
    for (const answer of answers) noteAll(answer.read);
    return answers.flatMap(({ shown }) => shown);
  };

  const show = async (wanted: readonly Wanted[]): Promise<Result<Shown>> => {
    const examples: ShownExample[] = [];
    const passedOver = new Map<string, Diagnostic>();
    /** The next picture that is not known to be broken. */
    const whole = (from: number): number => {
      for (let at = from; ; at++) {
        const number = at % pictures.length;
        const file = pictures[number] as PictureFile;
        const problem = broken.get(file.path);
        if (problem === undefined || passedOver.size > mostPassedOver) return number;
        passedOver.set(fileOf(file), problem);
      }
    };
    let left = wanted.map(({ example, image }, slot) => ({ example, image, slot }));
    while (left.length > 0) {
      const tries = left.map(({ example, image, slot }) => {
        const number = whole(example);
        const file = pictures[number] as PictureFile;
        return { slot, file, task: { number, file: fileOf(file), bytes: file.bytes, image } };
      });
      if (passedOver.size > mostPassedOver) break;
      const found = await read(tries.map(({ task }) => task));
      for (const [i, one] of found.entries()) {
        const { slot, file } = tries[i] as (typeof tries)[number];
        const { path: below, label } = file;
        if (one.ok) {
          examples[slot] = { planes: one.value, label };
          continue;
        }
        const problem = one.diagnostics.find(({ code }) => !ofOnePicture.has(code));
        if (problem !== undefined) return fail(problem);
        for (const why of one.diagnostics) broken.set(below, why);
      }
      left = left.filter(({ slot }) => examples[slot] === undefined);
    }
    return ok({ examples, passedOver });
  };

  const sha256 = createHash("sha256");
  for (const { path: file, bytes } of pictures) sha256.update(`${file.split(path.sep).join("/")} ${bytes}\n`);
  return {
    place: { file: folder, offset: null },
    count: pictures.length,
    mostPassedOver,
    sha256: sha256.digest("hex"),
    show,
    close: threads.close,
  };
}
