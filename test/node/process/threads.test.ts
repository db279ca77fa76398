import { expect, test } from "vitest";
import { sharePictures } from "../../../src/node/inputs/examples/picture-memory.ts";
import type { ThreadAnswer, ThreadData, ThreadTask } from "../../../src/node/inputs/examples/picture-thread.ts";
import { openThreads, usualThreads } from "../../../src/node/process/threads.ts";
import { receiver } from "../../preprocess/pictures.ts";

const module = "inputs/examples/picture-thread";
const data: ThreadData = {
  showing: {
    ...receiver({ height: 4, width: 4 }),
    augment: { crop: null, flip: false, mixup: 0, cutmix: 0 },
    seed: 0,
  },
  channels: 3,
  memory: sharePictures(1),
};
const nothing: ThreadTask = { number: 0, file: "no/such/file.png", bytes: 1, image: 0 };
const codes = ({ shown }: ThreadAnswer) => shown.flatMap(({ diagnostics }) => diagnostics.map(({ code }) => code));

test("threads answer what they are asked, each one after the other", async () => {
  const threads = openThreads<readonly ThreadTask[], ThreadAnswer>(module, data, 2);
  const asked = [1, 3, 2, 4, 1].map(count => threads.run(Array(count).fill(nothing)));
  expect((await Promise.all(asked)).map(answer => codes(answer).length)).toEqual([1, 3, 2, 4, 1]);
  expect(codes(await threads.run([nothing]))).toEqual(["file-not-found"]);
  await threads.close();
});

test("what a thread throws is thrown to who asked, and the next task has another thread", async () => {
  const threads = openThreads<unknown, ThreadAnswer>(module, data, 1);
  await expect(threads.run(7)).rejects.toThrow("is not iterable");
  expect(codes(await threads.run([nothing]))).toEqual(["file-not-found"]);
  await threads.close();
});

test("a task that is under way when the threads are ended is no answer", async () => {
  const threads = openThreads<readonly ThreadTask[], ThreadAnswer>(module, data, 1);
  const asked = threads.run([nothing]);
  asked.catch(() => {});
  await threads.close();
  await expect(asked).rejects.toThrow("ended early");
});

test("as many as cores but one, at least one, at most eight", () => {
  expect(usualThreads()).toBeGreaterThanOrEqual(1);
  expect(usualThreads()).toBeLessThanOrEqual(8);
});
