import { nameOf } from "../errors.ts";

/** RGBA, eight bits a channel, row by row: an `ImageData` is one. */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** Types of the Web by name, those that the reader's program knows: not everybody who runs models has pages. */
type OfWeb<Names extends string> = {
  readonly [Name in Names]: typeof globalThis extends Readonly<Record<Name, { readonly prototype: infer T }>>
    ? T
    : never;
}[Names];

/** What a picture is taken from. A `File` is a `Blob`. */
export type Picture = RgbaImage | OfWeb<KindName>;

/** An object of the Web, as far as is looked at. */
export type WebObject = Readonly<Record<string, unknown>>;

/** What is known of a kind of object that a picture can be taken from. */
export interface Kind {
  /** Properties that tell its size in pixels, where there is one. */
  readonly sides?: readonly [width: string, height: string];
  /** Whether there is something to be taken, where the size does not tell. */
  readonly ready?: (of: WebObject) => boolean;
  /** What is wrong with one of no size, or that is not ready, and the remedy. */
  readonly empty: string;
  /** Options of `createImageBitmap`, for what shows another picture the next moment, or is none before it is decoded. */
  readonly bitmap?: Readonly<Record<string, string>>;
}

const pixels = ["width", "height"] as const;
/** Straight alpha, as it stands in files. */
const straight = { premultiplyAlpha: "none" };

/** By the names that the Web has for them. */
export const kinds = {
  ImageBitmap: { sides: pixels, empty: "was closed: close it when this is done" },
  HTMLImageElement: {
    sides: ["naturalWidth", "naturalHeight"],
    ready: ({ complete }) => complete === true,
    empty: "has not loaded, or is broken: wait for its decode() first",
  },
  HTMLCanvasElement: { sides: pixels, empty: "has no pixels: give it a width and a height" },
  OffscreenCanvas: { sides: pixels, empty: "has no pixels, or was transferred" },
  HTMLVideoElement: {
    sides: ["videoWidth", "videoHeight"],
    // Of the current frame there are data.
    ready: ({ readyState }) => Number(readyState) >= 2,
    empty: "has no frame yet: wait for its event loadeddata first",
    bitmap: straight,
  },
  VideoFrame: {
    sides: ["displayWidth", "displayHeight"],
    empty: "was closed: close it when this is done",
    bitmap: straight,
  },
  Blob: {
    ready: ({ size }) => size !== 0,
    empty: "is empty",
    // Upright, and the colours as they stand in the file, whatever profile it has.
    bitmap: { ...straight, imageOrientation: "from-image", colorSpaceConversion: "none" },
  },
} as const satisfies Readonly<Record<string, Kind>>;

type KindName = keyof typeof kinds | "ImageData";

export const kindOf = (given: unknown): Kind | undefined => {
  const name = nameOf(given);
  return (kinds as Readonly<Record<string, Kind>>)[name === "File" ? "Blob" : name];
};
