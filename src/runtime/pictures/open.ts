import { check, ModelError, messageOf, nameOf } from "../errors.ts";
import { isUnstable } from "../inputs.ts";
import { kindOf, kinds, type RgbaImage, type WebObject } from "./sources.ts";

/** A picture of known size that can be handed to a GPU. */
export interface OpenPicture {
  readonly width: number;
  readonly height: number;
  /** Its pixels; or where they are not at hand what WebGPU copies them from. */
  readonly pixels: Uint8Array | Uint8ClampedArray | null;
  readonly source: WebObject | null;
  /** What it is, for errors. */
  readonly what: string;
  readonly close: () => void;
}

const taken = `${Object.keys(kinds).join(", ")}, ImageData, or { width, height, data } with bytes of RGBA`;
const nothing = (): void => {};

const web = globalThis as unknown as {
  readonly createImageBitmap?: (of: unknown, options: object) => Promise<WebObject & { readonly close: () => void }>;
};

/** Decodes files and holds on to frames. Throws InputError for what no picture can be taken from. Close it. */
export async function openPicture(given: unknown): Promise<OpenPicture> {
  const kind = kindOf(given);
  if (kind === undefined) return ofBytes(given);
  const what = `the ${nameOf(given)}`;
  const { sides, ready, empty, bitmap } = kind;
  const of = given as WebObject;
  const [width, height] = sides === undefined ? [1, 1] : sides.map(side => Number(of[side]));
  check((ready?.(of) ?? true) && Number(width) * Number(height) > 0, "input", `${what} ${empty}`);
  if (bitmap === undefined) return opened(of, what, sides ?? ["width", "height"], nothing);
  check(web.createImageBitmap, "input", `nothing decodes ${what} here: give { width, height, data } of RGBA`);
  try {
    const made = await web.createImageBitmap(given, bitmap);
    return opened(made, what, ["width", "height"], () => made.close());
  } catch (cause) {
    throw new ModelError("input", `${what} is no picture that can be decoded here: ${messageOf(cause)}`);
  }
}

function opened(source: WebObject, what: string, [w, h]: readonly [string, string], close: () => void): OpenPicture {
  return { width: Number(source[w]), height: Number(source[h]), pixels: null, source, what, close };
}

function ofBytes(given: unknown): OpenPicture {
  const { width, height, data: pixels } = Object(given) as RgbaImage;
  const isBytes = pixels instanceof Uint8Array || pixels instanceof Uint8ClampedArray;
  check(isBytes, "input", `a picture is one of ${taken}; this is ${described(given)}`);
  const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  const what = "the image";
  const bytes = `${what} of ${width}x${height} pixels has ${pixels.length} bytes of RGBA`;
  check(whole && pixels.length === 4 * width * height, "input", bytes);
  check(!isUnstable(pixels), "input", `${what} is in shared or resizable memory, which may change while it is read`);
  return { width, height, pixels, source: null, what, close: nothing };
}

/** What was given in the place of a picture. */
function described(given: unknown): string {
  if (typeof given === "string")
    return `a string, ${JSON.stringify(given.slice(0, 40))}: fetch it, and give its blob()`;
  if (given === null || given === undefined) return String(given);
  const name = nameOf(given);
  if (name === "Promise") return "a promise: await it first";
  const { data } = Object(given) as { readonly data?: unknown };
  return data === undefined ? `a ${name}` : `a ${name} whose data are a ${nameOf(data)}`;
}
