import * as fs from "node:fs";
import * as path from "node:path";
import type { Model } from "../../src/model/model.ts";
import { imagenet, usualPreprocess } from "../../src/model/preprocess.ts";
import type { Size } from "../../src/preprocess/geometry.ts";
import type { Picture, Receiver } from "../../src/preprocess/picture.ts";
import { checkText, must } from "../syntax/support.ts";

/** What torchvision makes of one picture; torchvision_check.py says how. */
export interface TorchvisionCase {
  readonly picture: Picture;
  readonly input: Size & { readonly channels: 3 };
  /** SHA-256 of the bytes before they are normalised. */
  readonly sha256: string;
  /** Every step-th value of the tensor [3, H, W]. */
  readonly step: number;
  readonly samples: readonly number[];
}

interface Row extends Pick<TorchvisionCase, "sha256" | "step" | "samples"> {
  readonly picture: readonly [width: number, height: number];
  readonly input: readonly [width: number, height: number];
}

/** Every bit of the result depends on every bit of x. */
function mixed(x: number): number {
  let y = x ^ (x >>> 16);
  y = Math.imul(y, 0x7feb352d);
  y ^= y >>> 15;
  y = Math.imul(y, 0x846ca68b);
  return (y ^ (y >>> 16)) >>> 0;
}

/** Waves, hard edges and noise in RGB, from whole numbers alone, so that Python makes the same. */
export function seededPicture(seed: number, { width, height }: Size): Picture {
  const data = new Uint8Array(3 * width * height);
  const stream = mixed(seed);
  for (let i = 0; i < data.length; i++) {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    const phase = (x * (3 + (seed % 5)) + y * (2 + (seed % 7)) + c * 85) % 510;
    const wave = phase > 255 ? 510 - phase : phase;
    const noise = mixed((i + stream) >>> 0) >>> 24;
    const edge = (Math.floor(x / 16) + Math.floor(y / 16) + c) % 3 === 0 ? 255 : 0;
    data[i] = Math.floor((2 * wave + noise + edge) / 4);
  }
  return { width, height, channels: 3, data };
}

const sizeOf = ([width, height]: readonly [number, number]): Size => ({ width, height });

/** Twenty pictures of odd sizes and the inputs that they are made for. */
export function torchvisionCases(): readonly TorchvisionCase[] {
  const text = fs.readFileSync(path.join(import.meta.dirname, "torchvision.json"), "utf8");
  const { cases } = JSON.parse(text) as { readonly cases: readonly Row[] };
  return cases.map(({ picture, input, ...expected }, seed) => ({
    ...expected,
    picture: seededPicture(seed, sizeOf(picture)),
    input: { ...sizeOf(input), channels: 3 },
  }));
}

/** What takes pictures of a size as is usual. */
export function receiver({ width, height }: Size, channels = 3): Receiver {
  const input = { height, width, channels };
  return { input, preprocess: usualPreprocess(input) };
}

/** What Pillow makes of one picture, fitted in one way by one filter; pillow_check.py says how. */
export interface PillowCase {
  readonly title: string;
  readonly picture: Picture;
  readonly model: Model;
  /** SHA-256 of the bytes before they are normalised. */
  readonly sha256: string;
}

interface PillowRow extends Pick<Row, "picture" | "input" | "sha256"> {
  readonly seed: number;
  /** Fields of `preprocess` and their values. */
  readonly fit: Readonly<Record<string, string | number>>;
  readonly interpolation: string;
}

/** Every filter, on every way to fit a picture. */
export function pillowCases(): readonly PillowCase[] {
  const text = fs.readFileSync(path.join(import.meta.dirname, "pillow.json"), "utf8");
  const { cases } = JSON.parse(text) as { readonly cases: readonly PillowRow[] };
  return cases.map(({ seed, picture, input: [width, height], fit, interpolation, sha256 }) => {
    const said = Object.entries({ ...fit, interpolation }).flatMap(([name, value]) => `${name} ${value}`);
    const spec = `model m { depths [1] dims [8] stem patch 4 input ${height}x${width}x3 preprocess { ${said.join(" ")} } }`;
    const [model] = must(checkText(spec)).models.values();
    if (model === undefined) throw new Error("unreachable");
    const title = `${interpolation}, ${picture.join("x")} to ${width}x${height}, ${said.join(", ")}`;
    return { title, picture: seededPicture(seed, sizeOf(picture)), model, sha256 };
  });
}

/** How two tensors [images, 3, H, W] differ before they were normalised. */
export interface Apart {
  /** The largest difference, in steps of eight bits. */
  readonly steps: number;
  /** The share of values that are a step apart, or more. */
  readonly share: number;
}

export function apart(a: ArrayLike<number>, b: ArrayLike<number>, images = 1): Apart {
  const plane = a.length / (3 * images);
  let [steps, different] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const std = imagenet.std[Math.floor(i / plane) % 3] ?? Number.NaN;
    const here = 255 * std * Math.abs((a[i] ?? Number.NaN) - (b[i] ?? Number.NaN));
    if (!(here < 0.5)) different++;
    if (!(here <= steps)) steps = here;
  }
  return { steps, share: different / a.length };
}
