import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { randomMask } from "../../src/runtime/mask.ts";
import { f32Tensor } from "../../src/weights/formats/safetensors.ts";
import { readLog } from "../node/cli/train.ts";
import { hasChromium, launchChromium, openPage } from "../support/chromium.ts";
import { cnxc } from "../support/cli.ts";
import { fill, newFolder, snapshot } from "../support/folders.ts";
import { full } from "../support/full.ts";
import { writeTensors } from "../support/tensors.ts";

let browser: Browser | null = null;
let built: ReturnType<typeof prepared> | null = null;
beforeAll(async () => {
  browser = hasChromium ? await launchChromium() : null;
});
afterAll(() => browser?.close());

const [steps, half] = full ? [50, 25] : [24, 12];
const [images, side] = [4, 28];
const masks = { batch: images, patches: 49, keep: 19 };

const spec = `model micro {
  depths [1, 1]
  dims [8, 16]
  input ${side}x${side}x3
  stem patch 2
  head fcmae { patch_size 4  decoder { depth 1  dim 16 } }
}
train learn {
  model micro  batch ${images}  steps ${steps}  clip 5  ema 0.99
  optimizer adamw { lr 3e-3 }
  schedule cosine { warmup 5  min_lr 1e-4 }
}
`;

/** Pictures of discs, in numbers that have the same bits wherever this is run. */
function draw(step: number, images: number, side: number): Float32Array<ArrayBuffer> {
  const pixels = new Float32Array(images * 3 * side * side);
  for (let i = 0; i < pixels.length; i++) {
    const [x, y] = [i % side, Math.floor(i / side) % side];
    const [channel, image] = [Math.floor(i / (side * side)) % 3, Math.floor(i / (3 * side * side))];
    const seed = step * images + image;
    const [left, top, radius] = [(seed * 7) % side, (seed * 11) % side, 4 + ((seed * 5) % 8)];
    const isInside = (x - left) ** 2 + (y - top) ** 2 < radius ** 2;
    pixels[i] = isInside ? 1 - channel / 2 : (x + channel * y) / (2 * side) - 0.5;
  }
  return pixels;
}

const importMap = JSON.stringify({
  imports: { "cnxc/runtime": "/runtime/index.js", "cnxc/runtime/training": "/runtime/training/index.js" },
});
const scriptHash = createHash("sha256").update(importMap).digest("base64");
const headers = { "content-security-policy": `default-src 'self'; script-src 'self' 'sha256-${scriptHash}'` };

/** What a page does that trains: some steps, its state in IndexedDB, and on from there when it is opened again. */
const script = `
import { fetchWeights, randomMask, requestDevice } from "cnxc/runtime";
import { descriptor as running } from "/micro/micro.js";
import { createTrainer, descriptor } from "/micro/trainer.js";

${draw}

const asked = request => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
const opening = indexedDB.open("training", 1);
opening.onupgradeneeded = () => opening.result.createObjectStore("state", { keyPath: "name" });
const database = asked(opening);
const stored = async (mode, work) => asked(work((await database).transaction("state", mode).objectStore("state")));

export async function learn(from, rates) {
  const device = await requestDevice([running, descriptor]);
  const weights = await fetchWeights("/weights.safetensors");
  const trainer = await createTrainer({ device, weights });
  const saved = await stored("readonly", store => store.getAll());
  if (saved.length > 0) await trainer.load(saved);
  const begun = trainer.updates();

  const steps = rates.map((lr, i) => {
    const pixel_values = draw(from + i, ${images}, ${side});
    const mask = randomMask(from + i, ${JSON.stringify(masks)});
    return trainer.step({ pixel_values, mask }, { lr });
  });
  const done = await Promise.all(steps);
  for await (const tensor of trainer.state()) await stored("readwrite", store => store.put(tensor));

  const model = await trainer.model();
  const last = { pixel_values: draw(0, ${images}, ${side}), mask: randomMask(0, ${JSON.stringify(masks)}) };
  const shown = await model.run(last);
  const { loss } = await trainer.step(last, { lr: 0 });
  trainer.dispose();
  device.destroy();
  return { begun, saved: saved.length, losses: done.map(({ loss }) => loss), shown: shown.loss[0], same: loss };
}`;

/** The example of docs/host-module.md, with another model, and what it takes from the page around it. */
function documented(): string {
  const text = readFileSync("docs/host-module.md", "utf8");
  const [, code = ""] =
    /```ts\n([^`]*createTrainer\(.*?)```/s.exec(text.slice(text.indexOf("## Training in a page"))) ?? [];
  const paths = code
    .replaceAll("./out/atto_fcmae/atto_fcmae.js", "/micro/micro.js")
    .replaceAll("./out/atto_fcmae/", "/micro/");
  return `import { fetchWeights, requestDevice } from "cnxc/runtime";
${draw}
const [saved, shown] = [[], []];
const pictures = step => draw(step, ${images}, ${side});
const save = async tensor => saved.push(tensor);
const show = ({ loss }) => shown.push(loss[0]);
export async function run() {
${paths.replace(/^import .*$/gm, "")}
  return { saved: saved.map(({ name, data }) => [name, data.length]), shown };
}
${[...paths.matchAll(/^import .*$/gm)].join("\n")}
`;
}

async function ready() {
  if (browser === null) throw new Error("the browser did not start");
  built ??= prepared();
  return { ...(await built), browser };
}

interface Answer {
  readonly begun: number;
  readonly saved: number;
  readonly losses: number[];
  readonly shown: number;
  readonly same: number;
}

/** What `cnxc train` makes of the same steps, and all files of the page. */
async function prepared() {
  const folder = newFolder();
  const at = (name: string) => path.join(folder, name);
  fill(folder, { "micro.cnx": spec });
  const words = ["--train", "learn", "-t", "wgsl", "--tune", "swiftshader", "--batch", `${images}`];
  expect(await cnxc(["compile", at("micro.cnx"), ...words, "-o", at("out")])).toMatchObject({ code: 0, stderr: "" });
  const tensors = Array.from({ length: steps }, (_, step) => [
    f32Tensor(`${step}.0.pixel_values`, [images, 3, side, side], () => draw(step, images, side)),
    f32Tensor(`${step}.0.mask`, [images, masks.patches], () => randomMask(step, masks)),
  ]);
  await writeTensors(at("batches.safetensors"), tensors.flat());
  const files = ["--batches", at("batches.safetensors"), "-o", at("run")];
  const trained = await cnxc(["train", at("micro.cnx"), "--on", "webgpu", "--adapter", "swiftshader", ...files]);
  expect(trained).toMatchObject({ code: 0 });

  const made = ["micro.js", "model.js", "trainer.js", "trainer_data.js"];
  const runtime = Object.entries(snapshot(path.resolve("dist/runtime")) ?? {});
  return {
    log: readLog(at("run/log.jsonl")),
    served: {
      "index.html": `<!doctype html><title>cnxc</title><script type="importmap">${importMap}</script>`,
      "page.js": script,
      "documented.js": documented(),
      "weights.safetensors": readFileSync(at("out/micro/weights.safetensors")),
      "atto_fcmae/weights.safetensors": readFileSync(at("out/micro/weights.safetensors")),
      ...Object.fromEntries(made.map(file => [`micro/${file}`, readFileSync(at(`out/micro/${file}`))])),
      ...Object.fromEntries(runtime.map(([file, text]) => [`runtime/${file}`, text])),
    },
  };
}

const learned = async (page: Page, from: number, rates: readonly number[]): Promise<Answer> =>
  (await page.evaluate(`import("/page.js").then(m => m.learn(${from}, ${JSON.stringify(rates)}))`)) as Answer;

test.runIf(hasChromium)(
  "a page trains as cnxc train does, goes on after it was opened again, and shows what it has learnt",
  async () => {
    const { log, served, browser } = await ready();
    const rates = log.map(({ lr }) => lr);
    const page = await openPage(browser, served, headers);
    const first = await learned(page, 0, rates.slice(0, half));
    await page.reload();
    const second = await learned(page, half, rates.slice(half));
    await page.close();

    expect(first).toMatchObject({ begun: 0, saved: 0 });
    expect(second).toMatchObject({ begun: half });
    expect(second.saved).toBeGreaterThan(0);
    const losses = [...first.losses, ...second.losses];
    expect(losses.length).toBe(steps);
    for (const [step, { loss }] of log.entries())
      expect(Math.abs((losses[step] ?? Number.NaN) / loss - 1), `step ${step}`).toBeLessThan(1e-5);
    for (const { shown, same } of [first, second]) expect(Math.abs(shown / same - 1)).toBeLessThan(1e-5);
    expect(second.shown).toBeLessThan(0.9 * (losses[0] ?? 0));
  },
);

test.runIf(hasChromium && full)("the example of docs/host-module.md trains", async () => {
  const { served, browser } = await ready();
  const page = await openPage(browser, served, headers);
  const { saved, shown } = (await page.evaluate(`import("/documented.js").then(m => m.run())`)) as {
    readonly saved: readonly (readonly [string, number])[];
    readonly shown: readonly number[];
  };
  await page.close();
  expect(saved.length % 10).toBe(0);
  expect(new Set(saved.map(([name]) => name)).size).toBe(saved.length / 10);
  expect(shown.length).toBe(10);
  expect(shown.at(-1)).toBeLessThan(0.9 * (shown[0] ?? 0));
});
