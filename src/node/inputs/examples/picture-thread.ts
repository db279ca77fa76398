// The threads that read pictures for `picture-examples.ts`.
import * as fs from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { type Diagnostic, fail, ok, type Result } from "../../../diagnostics/diagnostic.ts";
import { error } from "../../../diagnostics/messages.ts";
import { fitPicture } from "../../../preprocess/fit.ts";
import type { Picture, PictureChannels } from "../../../preprocess/picture.ts";
import { ioError } from "../../files/errno.ts";
import { forgetReads, readSoFar } from "../../files/read-so-far.ts";
import { readPicture } from "../pictures.ts";
import { type Showing, shownPicture } from "./augmented.ts";
import { pictureMemory, type SharedPictures } from "./picture-memory.ts";

export interface ThreadData {
  readonly showing: Showing;
  readonly channels: PictureChannels;
  readonly memory: SharedPictures;
}

/** A picture, and the number of the image that it becomes. */
export interface ThreadTask {
  /** Its own, in the folder. */
  readonly number: number;
  readonly file: string;
  /** Of the file, when the folder was listed. */
  readonly bytes: number;
  readonly image: number;
}

/** What became of the pictures of a task, one after the other; files that were read count as the run's. */
export interface ThreadAnswer {
  readonly shown: readonly Result<Float32Array>[];
  readonly read: ReadonlyMap<string, string>;
}

const { showing, channels, memory: shared } = workerData as ThreadData;
const memory = pictureMemory(shared, channels);

async function show(task: ThreadTask): Promise<Result<Float32Array>> {
  const known = memory.get(task.number);
  const picture = known === null ? await read(task) : ok(known);
  return picture.ok ? ok(shownPicture(picture.value, task.image, showing, fitPicture)) : picture;
}

async function read({ number, file, bytes }: ThreadTask): Promise<Result<Picture>> {
  const changed = changeOf(file, bytes);
  if (changed !== null) return fail(changed);
  const picture = await readPicture(file, channels);
  if (picture.ok) memory.put(number, picture.value);
  return picture;
}

function changeOf(file: string, bytes: number): Diagnostic | null {
  try {
    const { size } = fs.statSync(file);
    return size === bytes ? null : error("image-changed", { file, offset: null }, bytes, size);
  } catch (cause) {
    return ioError(cause, file, "read it");
  }
}

async function answer(tasks: readonly ThreadTask[]): Promise<void> {
  forgetReads();
  const shown: Result<Float32Array>[] = [];
  for (const task of tasks) shown.push(await show(task));
  const buffers = shown.flatMap(one => (one.ok ? [one.value.buffer as ArrayBuffer] : []));
  parentPort?.postMessage({ shown, read: readSoFar() } satisfies ThreadAnswer, buffers);
}

let last = Promise.resolve();
parentPort?.on("message", (tasks: readonly ThreadTask[]) => {
  last = last.then(() => answer(tasks));
});
