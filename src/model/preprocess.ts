import type { Span } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import type { Located } from "./field-types.ts";
import type { ModelSettings } from "./fields.ts";
import type { Filter, Input, Preprocess, Resize } from "./model.ts";
import type { Report } from "./read.ts";

/** How the published weights want a picture: RGB from 0 to 1, less this mean, over this deviation. */
export const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

/** The part of a side that is left after the official crop of square inputs below 384 pixels; from there on there is none. */
export const cropPct = 0.875;

/** From here on the published evaluation resizes to the size as it is. */
const firstSquashed = 384;

export const usualFilter: Filter = "bicubic";

const isCropped = ({ height, width }: Size): boolean => height === width && width < firstSquashed;

interface Size {
  readonly height: number;
  readonly width: number;
}

/** What a picture becomes before the middle of it is cut out, of which the input is the part `crop`: as timm and torchvision cut down. */
export const resizedTo = (mode: Resize["mode"], { height, width }: Size, crop: number): Resize => ({
  mode,
  height: Math.trunc(height / crop),
  width: Math.trunc(width / crop),
});

export const sameResize = (a: Resize, b: Resize): boolean =>
  a.mode === b.mode && a.height === b.height && a.width === b.width;

/** The part of both sides, in as few digits as will do, that gives what a picture is resized to; null where none does. */
export function cropOf(resize: Resize, input: Size): number | null {
  if (sameResize(resizedTo(resize.mode, input, cropPct), resize)) return cropPct;
  const quotient = input.height / resize.height;
  const tried = [0, 1, 2, 3, 4, 5, 6, 7].map(digits => Math.floor(quotient * 10 ** digits + 1e-9) / 10 ** digits);
  return tried.find(crop => crop > 0 && sameResize(resizedTo(resize.mode, input, crop), resize)) ?? null;
}

/** The published evaluation: a square below 384 is the middle of a larger picture, all else the whole picture, whatever its shape. */
export const usualResize = (input: Size): Resize =>
  isCropped(input) ? resizedTo("cover", input, cropPct) : resizedTo("squash", input, 1);

/** Channels of a picture by which a model of so many is filled: grey has none of its own. */
const usualBands = new Map<number, readonly number[]>([
  [3, [0, 1, 2]],
  [4, [0, 1, 2, 3]],
]);

/** Only of RGB are mean and deviation published; they go with their colours. */
function usualScale(channels: number, bands: readonly number[] | null): Pick<Preprocess, "mean" | "std"> {
  const all = Array.from({ length: channels }, (_, c) => c);
  const colours = channels === 3 && bands !== null && bands.every(band => band < 3) ? bands : null;
  return {
    mean: colours === null ? all.map(() => 0) : colours.map(band => imagenet.mean[band] ?? 0),
    std: colours === null ? all.map(() => 1) : colours.map(band => imagenet.std[band] ?? 1),
  };
}

/** Where the input has red, green and blue of a picture; what is not of pictures shows its first three channels, or the only one. */
function usualDisplay(channels: number, bands: readonly number[] | null): readonly number[] {
  const colours = [0, 1, 2].map(band => bands?.indexOf(band) ?? -1);
  const alpha = bands?.indexOf(3) ?? -1;
  if (colours.every(channel => channel >= 0)) return alpha < 0 ? colours : [...colours, alpha];
  return channels < 3 ? [0] : [0, 1, 2];
}

/** What is done where a spec says nothing of it, as the published evaluation does it. */
export function usualPreprocess(input: Input): Preprocess {
  const bands = usualBands.get(input.channels) ?? null;
  return {
    ...usualScale(input.channels, bands),
    bands,
    resize: usualResize(input),
    interpolation: usualFilter,
    display: usualDisplay(input.channels, bands),
  };
}

/** Whether pictures are prepared as without a word about it. */
export const isUsual = (preprocess: Preprocess, input: Input): boolean =>
  JSON.stringify(preprocess) === JSON.stringify(usualPreprocess(input));

type Written = NonNullable<ModelSettings["preprocess"]>["value"];

/** What a spec says of pictures, the rest as published; null where it does not fit the input. */
export function assemblePreprocess(
  written: ModelSettings["preprocess"],
  input: Input,
  report: Report,
): Preprocess | null {
  if (written === undefined) return usualPreprocess(input);
  const { mean, std, bands: stated, interpolation, display } = written.value;
  const { channels } = input;
  const fits = [
    perChannel("preprocess.mean", mean, channels, report),
    perChannel("preprocess.std", std, channels, report),
    stated === undefined || fitsChannels("preprocess.bands", stated.value.length, channels, stated.span, report),
    display === undefined || displayFits(display, channels, report),
  ];
  const resize = resizeOf(written.value, input, report);
  if (resize === null || fits.includes(false)) return null;
  const bands = stated?.value.map(({ value }) => value) ?? usualBands.get(channels) ?? null;
  const usual = usualScale(channels, bands);
  return {
    mean: valuesOf(mean, channels) ?? usual.mean,
    std: valuesOf(std, channels) ?? usual.std,
    bands,
    resize,
    interpolation: interpolation?.value ?? usualFilter,
    display: display?.value.map(({ value }) => value) ?? usualDisplay(channels, bands),
  };
}

type PerChannel = Written["mean"];

/** `Array.isArray` forgets what a readonly array holds. */
const isMany = (value: NonNullable<PerChannel>["value"]): value is readonly Located<number>[] => Array.isArray(value);

function perChannel(name: string, written: PerChannel, channels: number, report: Report): boolean {
  if (written === undefined || !isMany(written.value)) return true;
  return fitsChannels(name, written.value.length, channels, written.span, report);
}

function fitsChannels(name: string, count: number, channels: number, place: Span, report: Report): boolean {
  if (count !== channels) report(error("channels-differ", place, name, count, channels));
  return count === channels;
}

const valuesOf = (written: PerChannel, channels: number): readonly number[] | null => {
  if (written === undefined) return null;
  const { value } = written;
  return isMany(value) ? value.map(one => one.value) : Array.from({ length: channels }, () => value.value);
};

/** Grey, RGB or RGBA. */
const displayed: ReadonlySet<number> = new Set([1, 3, 4]);

function displayFits(display: NonNullable<Written["display"]>, channels: number, report: Report): boolean {
  const beyond = display.value.filter(({ value }) => value >= channels);
  for (const { value, span } of beyond) report(error("unknown-channel", span, value, channels));
  const count = display.value.length;
  if (!displayed.has(count)) report(error("display-channels", display.span, count));
  return beyond.length === 0 && displayed.has(count);
}

function resizeOf({ resize, crop }: Written, input: Input, report: Report): Resize | null {
  const side = resize?.value;
  if (typeof side === "number") {
    const least = Math.max(input.height, input.width);
    if (crop !== undefined) report(error("resize-and-crop", crop.span));
    else if (side < least) report(error("resize-small", resize?.span ?? null, side, input.height, input.width, least));
    else return { mode: "cover", height: side, width: side };
    return null;
  }
  if (resize === undefined && crop === undefined) return usualResize(input);
  return resizedTo(resize === undefined ? "cover" : "squash", input, crop?.value ?? 1);
}
