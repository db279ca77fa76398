import { createRequire } from "node:module";
import * as path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { preprocessWgsl } from "../../src/emit/wgsl/preprocess.ts";
import { fitPicture } from "../../src/preprocess/fit.ts";
import { type Picture, pictureOf, toBatch, toRgba } from "../../src/preprocess/picture.ts";
import type { PreprocessDescriptor } from "../../src/runtime/pictures/descriptor.ts";
import { apart, receiver, seededPicture } from "../preprocess/pictures.ts";
import { hasChromium, launchChromium, openPage } from "../support/chromium.ts";
import { snapshot } from "../support/folders.ts";
import { full } from "../support/full.ts";
import { writePng } from "../support/png.ts";

/** npm `jpeg-js`, whose types ask for more than is there. */
const jpeg = createRequire(import.meta.url)("jpeg-js") as {
  encode(
    picture: { readonly width: number; readonly height: number; readonly data: Buffer },
    quality: number,
  ): { readonly data: Buffer };
};
const model = receiver({ width: 48, height: 48 });
const descriptor: PreprocessDescriptor = { name: "test", width: 48, height: 48, code: preprocessWgsl(model) };

/** Wider than high, and of no width that rows of a texture are copied in. */
const size = { width: 131, height: 77 };
const opaque = toRgba(seededPicture(3, size));
const clear = opaque.map((value, i) => (i % 4 === 3 ? (i * 7) % 256 : value));
const pictures = [
  ["/opaque.png", opaque],
  ["/clear.png", clear],
] as const;
const png = (data: Uint8Array): Buffer => writePng({ ...size, data: Buffer.from(data) });

/** What the command that classifies makes of the same pixels. */
const expected = (data: Uint8Array): Float32Array => {
  const picture = pictureOf(Uint8Array.from(data), size.width, size.height, 3);
  return toBatch([fitPicture(picture, model)], model.preprocess);
};

/** The sources that a page has, of a PNG file; then what a preprocessor makes of each. */
const script = `
import { createPreprocessor } from "/runtime/index.js";

const drawn = (canvas, image) => {
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  return canvas;
};
const canvasOf = ({ width, height }) => Object.assign(document.createElement("canvas"), { width, height });
const loaded = async url => {
  const image = Object.assign(new Image(), { src: url });
  await image.decode();
  return image;
};
export const blobOf = async url => (await fetch(url)).blob();
const bitmapOf = async (url, options) => createImageBitmap(await blobOf(url), options);
const straight = { premultiplyAlpha: "none", colorSpaceConversion: "none" };

export const sources = {
  Blob: blobOf,
  File: async url => new File([await blobOf(url)], "a.png", { type: "image/png" }),
  ImageBitmap: url => bitmapOf(url),
  "ImageBitmap of straight alpha": url => bitmapOf(url, straight),
  HTMLImageElement: loaded,
  HTMLCanvasElement: async url => {
    const image = await loaded(url);
    return drawn(canvasOf({ width: image.naturalWidth, height: image.naturalHeight }), image);
  },
  OffscreenCanvas: async url => {
    const image = await bitmapOf(url);
    return drawn(new OffscreenCanvas(image.width, image.height), image);
  },
  ImageData: async url => {
    const { width, height } = await bitmapOf(url);
    const canvas = drawn(new OffscreenCanvas(width, height), await bitmapOf(url));
    return canvas.getContext("2d").getImageData(0, 0, width, height);
  },
  VideoFrame: async url => new VideoFrame(await bitmapOf(url), { timestamp: 0 }),
  HTMLVideoElement: async url => {
    const image = await loaded(url);
    const canvas = drawn(canvasOf({ width: image.naturalWidth, height: image.naturalHeight }), image);
    const video = Object.assign(document.createElement("video"), { muted: true, srcObject: canvas.captureStream() });
    const frame = new Promise(done => video.addEventListener("loadeddata", done));
    await video.play();
    await frame;
    return video;
  },
};

export const deviceOf = async () => (await navigator.gpu.requestAdapter()).requestDevice();

export async function read(device, buffer) {
  const copy = device.createBuffer({ size: buffer.size, usage: 1 | 8 });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, copy, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await copy.mapAsync(1);
  return [...new Float32Array(copy.getMappedRange())];
}

/** A device whose limits are said to be lower. */
const limited = (device, limits) =>
  new Proxy(device, {
    get: (of, key) => {
      const value = of[key];
      if (key === "limits") return new Proxy(value, { get: (all, limit) => limits[limit] ?? all[limit] });
      return typeof value === "function" ? value.bind(of) : value;
    },
  });

/** What is made of one source, or of several. */
export async function made(source, descriptor, limits = {}) {
  const device = await deviceOf();
  const uncaught = [];
  device.onuncapturederror = event => uncaught.push(event.error.message);
  try {
    const preprocess = await createPreprocessor(limited(device, limits), descriptor);
    const values = await read(device, await preprocess(await source()));
    if (uncaught.length > 0) throw new Error(uncaught.join());
    return values;
  } finally {
    device.destroy();
  }
}

/** How each of some sources is refused, on one device. */
export async function refused(all, descriptor) {
  const device = await deviceOf();
  const uncaught = [];
  device.onuncapturederror = event => uncaught.push(event.error.message);
  const preprocess = await createPreprocessor(device, descriptor);
  const said = {};
  for (const [name, source] of Object.entries(all))
    said[name] = await Promise.resolve(source()).then(preprocess).then(() => "taken", e => e.name + ": " + e.message);
  const good = await read(device, await preprocess({ width: 1, height: 1, data: new Uint8Array(4) }));
  device.destroy();
  return { said, uncaught, good: good.length };
}

/** Drawn from another origin, which has given no leave. */
export const tainted = async () => {
  const image = Object.assign(new Image(), { src: "https://elsewhere.test/opaque.png" });
  await image.decode();
  return drawn(canvasOf({ width: 8, height: 8 }), image);
};

/** How images end whose device is destroyed before they come, at once or after a while. */
export async function afterTheEnd(descriptor) {
  const ends = [];
  for (const wait of [0, 50]) {
    const device = await deviceOf();
    const preprocess = await createPreprocessor(device, descriptor);
    device.destroy();
    if (wait > 0) await new Promise(done => setTimeout(done, wait));
    for (const source of [await sources.Blob("/opaque.png"), { width: 1, height: 1, data: new Uint8Array(4) }])
      ends.push(await preprocess(source).then(() => "made", e => e.name));
  }
  return ends;
}

/** Squares of one colour each, side by side. */
export const squares = (width, height, side) => {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  for (let y = 0; y < height; y += side)
    for (let x = 0; x < width; x += side) {
      context.fillStyle = "rgb(" + [(x + y) / side * 37 % 256, x / side * 91 % 256, y / side * 53 % 256].join() + ")";
      context.fillRect(x, y, side, side);
    }
  return canvas.transferToImageBitmap();
};
`;

/** A JPEG that EXIF says to turn by a quarter. */
function turned(): Uint8Array {
  const { data } = jpeg.encode({ ...size, data: Buffer.from(opaque) }, 95);
  // APP1: "Exif", big-endian TIFF, one entry: orientation 6.
  const exif = "ffe1 0022 457869660000 4d4d002a00000008 0001 0112 0003 00000001 00060000 00000000".replaceAll(" ", "");
  return Buffer.concat([data.subarray(0, 2), Buffer.from(exif, "hex"), data.subarray(2)]);
}

/** The same squares as bytes. */
function squares(width: number, height: number, side: number): Picture {
  const data = new Uint8Array(3 * width * height);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [i, j] = [Math.floor(x / side), Math.floor(y / side)];
      for (const value of [(i + j) * 37, i * 91, j * 53]) data[at++] = value % 256;
    }
  return { width, height, channels: 3, data };
}

describe.runIf(hasChromium)("a preprocessor takes what a page has", () => {
  let browser: Browser | null = null;
  let page: Page;
  beforeAll(async () => {
    browser = await launchChromium();
    const runtime = Object.entries(snapshot(path.resolve("dist/runtime")) ?? {});
    page = await openPage(browser, {
      "sources.js": script,
      "opaque.png": png(opaque),
      "clear.png": png(clear),
      "turned.jpg": turned(),
      ...Object.fromEntries(runtime.map(([file, text]) => [`runtime/${file}`, text])),
    });
    await page.route("https://elsewhere.test/**", route =>
      route.fulfill({ body: png(opaque), contentType: "image/png" }),
    );
  });
  afterAll(() => browser?.close());

  const inPage = <T>(expression: string): Promise<T> =>
    page.evaluate(`import("/sources.js").then(async m => (${expression}))`);
  const made = (source: string, limits: object = {}): Promise<readonly number[]> =>
    inPage(`m.made(async () => ${source}, ${JSON.stringify(descriptor)}, ${JSON.stringify(limits)})`);

  const names = [...script.matchAll(/^ {2}"?([A-Z][\w ]+)"?: (?:async|url|blobOf|loaded)/gm)].map(
    ([, name = ""]) => name,
  );
  test.each(names)("%s: the numbers of the command that classifies, of opaque pixels and of others", async name => {
    for (const [url, data] of pictures) {
      const { steps, share } = apart(await made(`m.sources["${name}"]("${url}")`), expected(data));
      expect(steps).toBeLessThan(1.001);
      expect(share).toBeLessThan(1e-3);
    }
  });

  test("several of several kinds, in their order", async () => {
    const all = `Promise.all(["Blob", "HTMLCanvasElement"].map((name, i) => m.sources[name](["/opaque.png", "/clear.png"][i])))`;
    const found = await made(all);
    const half = found.length / 2;
    expect(apart(found.slice(0, half), expected(opaque)).steps).toBeLessThan(1.001);
    expect(apart(found.slice(half), expected(clear)).steps).toBeLessThan(1.001);
  });

  test.each([
    ["rows of a binding", { maxStorageBufferBindingSize: 48 * 77 * 4 }],
    ["rows of a dispatch", { maxComputeWorkgroupsPerDimension: 10 }],
    ["pixels of a texture, in both directions", { maxTextureDimension2D: 50 }],
  ])("what is larger than a device's %s comes in parts, to the same bits", async (_, limits) => {
    for (const name of ["ImageBitmap", "ImageData"]) {
      const source = `m.sources["${name}"]("/opaque.png")`;
      expect(await made(source, limits)).toEqual(await made(source));
    }
  });

  test.runIf(full)("48 megapixels are taken as they are on a device of default limits", async () => {
    const found = await made("m.squares(8000, 6000, 100)");
    const whole = toBatch([fitPicture(squares(8000, 6000, 100), model)], model.preprocess);
    expect(apart(found, whole).steps).toBeLessThan(1.001);
  });

  test("a photo that says it lies on its side is turned upright, as the page shows it", async () => {
    const [file, element] = [
      await made('m.sources.Blob("/turned.jpg")'),
      await made('m.sources.HTMLImageElement("/turned.jpg")'),
    ];
    expect(apart(file, element).steps).toBeLessThan(1.001);
    const upright = await inPage<readonly number[]>(
      `m.sources.HTMLImageElement("/turned.jpg").then(image => [image.naturalWidth, image.naturalHeight])`,
    );
    expect(upright).toEqual([size.height, size.width]);
  });

  test("what is no picture is an InputError that says what it is, and nothing is left of it", async () => {
    const wrongs: Readonly<Record<string, readonly [source: string, says: string]>> = {
      null: ["null", "this is null"],
      nothing: ["undefined", "this is undefined"],
      number: ["7", "this is a Number"],
      string: ['"/opaque.png"', 'this is a string, "/opaque.png": fetch it, and give its blob()'],
      promise: ["[m.blobOf('/opaque.png')]", "a promise: await it first"],
      response: ['fetch("/opaque.png")', "this is a Response"],
      "raw floats": ["({ width: 1, height: 1, data: new Float32Array(4) })", "a Object whose data are a Float32Array"],
      "too few bytes": ["({ width: 2, height: 1, data: new Uint8Array(4) })", "of 2x1 pixels has 4 bytes of RGBA"],
      "half a pixel": ["({ width: 0.5, height: 2, data: new Uint8Array(4) })", "of 0.5x2 pixels has 4 bytes"],
      "shared memory": [
        "({ width: 1, height: 1, data: new Uint8Array(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer, 0, 4) })",
        "in shared or resizable memory",
      ],
      "closed bitmap": [
        "m.sources.ImageBitmap('/opaque.png').then(image => (image.close(), image))",
        "the ImageBitmap was closed",
      ],
      "closed frame": [
        "m.sources.VideoFrame('/opaque.png').then(frame => (frame.close(), frame))",
        "the VideoFrame was closed",
      ],
      "video without a frame": ["document.createElement('video')", "has no frame yet: wait for its event loadeddata"],
      "image without a file": ["new Image()", "the HTMLImageElement has not loaded"],
      "image that is broken": [
        "Object.assign(new Image(), { src: '/sources.js' })",
        "the HTMLImageElement has not loaded, or is broken",
      ],
      "canvas of no size": [
        "Object.assign(document.createElement('canvas'), { width: 0 })",
        "the HTMLCanvasElement has no pixels",
      ],
      "tainted canvas": ["m.tainted()", "no pixels can be had of the HTMLCanvasElement"],
      "empty file": ["new Blob([])", "the Blob is empty"],
      "file of another kind": ["m.blobOf('/sources.js')", "the Blob is no picture that can be decoded here"],
      none: ["[]", "there is no image to preprocess"],
      "one of two": ["Promise.all([m.sources.Blob('/opaque.png'), null])", "this is null"],
    };
    const all = Object.entries(wrongs).map(([name, [source]]) => `${JSON.stringify(name)}: () => ${source}`);
    const { said, uncaught, good } = await inPage<{ said: Record<string, string>; uncaught: string[]; good: number }>(
      `m.refused({ ${all.join(", ")} }, ${JSON.stringify(descriptor)})`,
    );
    for (const [name, [, says]] of Object.entries(wrongs)) {
      expect(said[name], name).toMatch(/^InputError: /);
      expect(said[name]).toContain(says);
    }
    expect(uncaught).toEqual([]);
    expect(good).toBe(3 * 48 * 48);
  });

  test("after the end of its device it is a DeviceLostError", async () => {
    const ends = await inPage<string[]>(`m.afterTheEnd(${JSON.stringify(descriptor)})`);
    expect(ends).toEqual(Array(ends.length).fill("DeviceLostError"));
  });
});
