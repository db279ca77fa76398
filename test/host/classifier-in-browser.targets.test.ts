import * as fs from "node:fs";
import * as path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toRgba } from "../../src/preprocess/picture.ts";
import { seededPicture } from "../preprocess/pictures.ts";
import { hasChromium, launchChromium, openPage } from "../support/chromium.ts";
import { cnxc } from "../support/cli.ts";
import { npmPackages } from "../support/npm-packages.ts";
import { writePng } from "../support/png.ts";

const ort = hasChromium ? npmPackages({ "onnxruntime-web": "1.30.0" }) : null;

const spec = `model birds {
  depths [1, 1, 2, 1]
  dims   [8, 16, 24, 40]
  input  64x64x3
  head   classifier { labels ["robin", "jay", "wren", "tit", "owl", "crow", "kite"] }
}
`;

/** Larger and of another shape than the input; one of them has pixels that are not opaque. */
const pictures = [1, 2, 3].map(seed => {
  const size = { width: 90 + 7 * seed, height: 140 - 20 * seed };
  const rgba = toRgba(seededPicture(seed, size)).map((value, i) => (seed === 3 && i % 4 === 3 ? (i * 7) % 256 : value));
  return { name: `${seed}.png`, file: writePng({ ...size, data: Buffer.from(rgba) }) };
});

/** What a page does, in ten lines from the import to the labels. */
const short = `
import { createClassifier } from "/birds/classifier.js";

const image = new Image();
image.src = "/1.png";
await image.decode();
const { classify } = await createClassifier({ weights: "/birds/weights.safetensors" });
const [best] = await classify(image);
document.title = best.label;
`;

const script = `
import { createClassifier } from "/birds/classifier.js";

export const blobOf = async url => (await fetch(url)).blob();
export const weights = "/birds/weights.safetensors";
export const onnx = { model: "/birds/onnx/model.onnx", runtime: () => import("/ort/ort.wasm.bundle.min.js") };
const named = found => found.map(({ label, logit }) => [label, logit]);

/** What is made of all pictures, one by one and together. */
export async function classified(options) {
  const told = [];
  const classifier = await createClassifier({ weights, ...options, onProgress: ({ loaded, total }) => told.push(loaded / total) });
  const images = await Promise.all(["/1.png", "/2.png", "/3.png"].map(blobOf));
  const each = [];
  for (const image of images) each.push(named(await classifier.classify(image)));
  const two = await classifier.classify(images, { topK: 2 });
  const logits = (await classifier.model.run({ pixel_values: new Float32Array(3 * 64 * 64) })).logits.length;
  const { on } = classifier;
  classifier.dispose();
  classifier.dispose();
  const after = await classifier.classify(images).catch(e => e.name);
  const wasm = performance.getEntriesByType("resource").some(({ name }) => /\\.wasm$|runtime.onnx/.test(name));
  return { on, each, two: two.map(named), logits, after, told, wasm };
}

let made = null;
export const classifier = () => (made ??= createClassifier({ weights, on: "webgpu" }));

/** How some creation, or what comes after it, ends. */
export const ended = async work => {
  try {
    return await work(createClassifier);
  } catch (cause) {
    return cause.name + ": " + cause.message;
  }
};
`;

interface Answer {
  readonly on: string;
  readonly each: readonly (readonly (readonly [label: string, logit: number])[])[];
  readonly two: Answer["each"];
  readonly logits: number;
  readonly after: string;
  /** Parts of the whole, as progress was told. */
  readonly told: readonly number[];
  /** Whether the page has loaded anything that is for pages without WebGPU. */
  readonly wasm: boolean;
}

const imports = { "cnxc/runtime": "/runtime/index.js", "cnxc/runtime/onnx": "/runtime/onnx/index.js" };
const html = `<!doctype html><title>cnxc</title><script type="importmap">${JSON.stringify({ imports })}</script>`;

describe.runIf(hasChromium)("a classifier's own module", () => {
  /** Shared by the tests of this file. */
  const folder = path.resolve("node_modules/.cache/cnxc-classifier");
  let browser: Browser | null = null;
  let files: Record<string, string | Uint8Array> = {};
  let expected: Answer["each"] = [];

  beforeAll(async () => {
    browser = await launchChromium();
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, "birds.cnx"), spec);
    for (const { name, file } of pictures) fs.writeFileSync(path.join(folder, name), file);
    const inFolder = { cwd: folder };
    const words = ["-w", "random:3", "-t", "wgsl,onnx", "--batch", "1..2", "-o", "out"];
    expect(await cnxc(["compile", "birds.cnx", ...words], inFolder)).toMatchObject({ code: 0 });
    const names = pictures.map(({ name }) => name);
    const said = await cnxc(
      ["classify", "birds.cnx", "-w", "random:3", "--on", "reference", "--json", ...names],
      inFolder,
    );
    expected = JSON.parse(said.stdout).result.images.map(
      ({ classes }: { readonly classes: readonly { readonly label: string; readonly logit: number }[] }) =>
        classes.map(({ label, logit }) => [label, logit] as const),
    );
    const below = (at: string, as: string, ending: RegExp) =>
      fs
        .readdirSync(at, { recursive: true, encoding: "utf8" })
        .filter(file => ending.test(file))
        .map(file => [`${as}/${file}`, fs.readFileSync(path.join(at, file))] as const);
    files = Object.fromEntries([
      ["index.html", html],
      ["page.js", script],
      ["short.js", short],
      ...pictures.map(({ name, file }) => [name, file] as const),
      ...below(path.resolve("dist/runtime"), "runtime", /\.js$/),
      ...below(path.join(folder, "out/birds"), "birds", /\.(js|safetensors|onnx)$/),
    ]);
    if (ort === null) return;
    const dist = path.join(ort, "node_modules/onnxruntime-web/dist");
    files["ort/ort.wasm.bundle.min.js"] = fs.readFileSync(path.join(dist, "ort.wasm.bundle.min.mjs"));
    files["ort/ort-wasm-simd-threaded.wasm"] = fs.readFileSync(path.join(dist, "ort-wasm-simd-threaded.wasm"));
  });
  afterAll(() => browser?.close());

  const open = (): Promise<Page> => openPage(browser as Browser, files);
  async function inPage<T>(expression: string): Promise<T> {
    const page = await open();
    try {
      return await page.evaluate(`import("/page.js").then(async m => (${expression}))`);
    } finally {
      await page.close();
    }
  }

  function expectAnswer(answer: Answer): void {
    expect(answer).toMatchObject({ logits: 7, after: "DisposedError" });
    expect(answer.each.map(image => image.map(([label]) => label))).toEqual(
      expected.map(image => image.map(([label]) => label)),
    );
    // A value in ten thousand may be a step of 255 away.
    answer.each.forEach((image, n) => {
      image.forEach(([, logit], k) => {
        expect(Math.abs(logit - (expected[n]?.[k]?.[1] ?? Number.NaN))).toBeLessThan(1e-3);
      });
    });
    // More images than a run holds, and fewer classes.
    answer.two.forEach((image, n) => {
      expect(image.map(([label]) => label)).toEqual(answer.each[n]?.slice(0, 2).map(([label]) => label));
    });
    const { told } = answer;
    expect(told.every((part, i) => part > 0 && part <= 1 && part >= (told[i - 1] ?? 0))).toBe(true);
    expect(told.at(-1)).toBe(1);
  }

  test("gives the labels of the command that classifies, on WebGPU", async () => {
    const answer = await inPage<Answer>("m.classified({})");
    expect(answer).toMatchObject({ on: "webgpu", wasm: false });
    expectAnswer(answer);
  });

  test("takes a page ten lines", async () => {
    expect(short.trim().split("\n").length).toBeLessThanOrEqual(10);
    const page = await open();
    await page.evaluate(`import("/short.js")`);
    expect(await page.title()).toBe(expected[0]?.[0]?.[0]);
    await page.close();
  });

  test.skipIf(ort === null)("on an adapter of software it is ONNX Runtime, where there is a graph", async () => {
    const answer = await inPage<Answer>("m.classified({ onnx: m.onnx })");
    expect(answer).toMatchObject({ on: "onnx", wasm: true });
    expectAnswer(answer);
  });

  test.each(["no WebGPU", "no adapter", "an adapter that allows too little"])(
    "with %s it is ONNX Runtime, where there is a graph, and else an error",
    async without => {
      const less: Readonly<Record<string, string>> = {
        "no WebGPU": "Object.defineProperty(navigator, 'gpu', { value: undefined })",
        "no adapter": "GPU.prototype.requestAdapter = async () => null",
        "an adapter that allows too little":
          "Object.defineProperty(GPUSupportedLimits.prototype, 'maxComputeInvocationsPerWorkgroup', { value: 1 }), Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { value: false }), Object.defineProperty(GPUAdapterInfo.prototype, 'architecture', { value: 'x' }), Object.defineProperty(GPUAdapterInfo.prototype, 'description', { value: 'x' }), Object.defineProperty(GPUAdapterInfo.prototype, 'device', { value: 'x' })",
      };
      const end = await inPage<string>(`(${less[without]}, m.ended(create => create({ weights: m.weights })))`);
      expect(end).toMatch(/^(AdapterError|LimitError): /);
      const forced = `m.ended(create => create({ weights: m.weights, onnx: m.onnx, on: "webgpu" }))`;
      expect(await inPage<string>(`(${less[without]}, ${forced})`)).toBe(end);
      if (ort === null) return;
      expectAnswer(await inPage<Answer>(`(${less[without]}, m.classified({ onnx: m.onnx }))`));
    },
  );

  test("WebGPU can be asked for, and then nothing of ONNX Runtime is loaded", async () => {
    const answer = await inPage<Answer>("m.classified({ onnx: m.onnx, on: 'webgpu' })");
    expect(answer).toMatchObject({ on: "webgpu", wasm: false });
    expectAnswer(answer);
  });

  test("whatever breaks says what and why", async () => {
    /** On one classifier for all, since it takes SwiftShader seconds to make one. */
    const once = (then: string) => `m.ended(async () => { const c = await m.classifier(); return ${then}; })`;
    const made = (options: string, then = "null") =>
      `m.ended(async create => { const c = await create(${options}); return ${then}; })`;
    const ends = await inPage<string[]>(
      `Promise.all([${[
        "m.ended(create => create())",
        made("{ weights: null }"),
        made("{ weights: m.weights, on: 'gpu' }"),
        made("{ weights: m.weights, on: 'onnx' }"),
        made("{ weights: m.weights, signal: AbortSignal.abort() }"),
        once("c.classify(null)"),
        once("c.classify([])"),
        once("c.classify(await m.blobOf('/1.png'), { topK: 0.5 })"),
        once("c.classify(await m.blobOf('/1.png'), { signal: AbortSignal.abort() })"),
        made("{ weights: m.weights, on: 'onnx', onnx: { ...m.onnx, model: '/nowhere.onnx' } }"),
        made("{ weights: m.weights, on: 'onnx', onnx: { ...m.onnx, runtime: () => import('/nowhere.js') } }"),
        made("{ weights: m.weights, on: 'onnx', onnx: { ...m.onnx, runtime: async () => ({}) } }"),
        made("{ weights: m.weights, on: 'onnx', onnx: { model: '/1.png' } }"),
        ...(ort === null
          ? []
          : [
              made("{ weights: m.weights, on: 'onnx', onnx: { ...m.onnx, model: '/1.png' } }"),
              made("{ weights: m.weights, on: 'onnx', onnx: m.onnx }", "c.classify('/1.png')"),
              made(
                "{ weights: m.weights, on: 'onnx', onnx: m.onnx }",
                "c.model.run({ pixel_values: new Float32Array(7) })",
              ),
            ]),
      ].join(", ")}])`,
    );
    const said = [
      "InputError: createClassifier takes options: { weights }",
      "WeightsError: weights are tensors by name",
      'InputError: on is "webgpu" or "onnx", not gpu',
      "InputError: to run on ONNX Runtime, onnx: { model, runtime } has to say where that is",
      "AbortError: the creation of birds was aborted",
      "InputError: a picture is one of ImageBitmap",
      "InputError: there is no image to classify",
      "InputError: topK is a whole number of classes, not 0.5",
      "AbortError: a run of birds was aborted",
      "FetchError: /nowhere.onnx answers 404",
      "OnnxError: ONNX Runtime cannot be loaded: ",
      "OnnxError: what runtime loads is no ONNX Runtime",
      "InputError: birds: onnx takes { model: the address of a graph",
      "OnnxError: ONNX Runtime takes no birds: ",
      "InputError: a picture is one of ImageBitmap",
      "InputError: input 'pixel_values' has 7 values",
    ];
    ends.forEach((end, i) => {
      expect(end).toContain(said[i]);
    });
    expect(ends.length).toBeGreaterThanOrEqual(13);
  });
});
