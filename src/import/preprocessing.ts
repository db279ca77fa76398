import { type Filter, filters, type Input, type Preprocess, type Resize } from "../model/model.ts";
import { resizedTo, usualFilter, usualPreprocess } from "../model/preprocess.ts";
import { inNote } from "./fields.ts";

/** How pictures become input, as far as a source says it; undefined is not said. */
export interface Preprocessing {
  /** A value a channel, of pixels from 0 to 1. */
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
  /** What the shorter side of a picture becomes, in pixels, before the middle is cut out. */
  readonly resize?: number | undefined;
  /** The side of the input over that of the resized picture. */
  readonly crop_pct?: number | undefined;
  /** `center` cuts out the middle, `squash` resizes to the size whatever the picture's shape. */
  readonly crop_mode?: string | undefined;
  readonly interpolation?: string | undefined;
}

/** No normalisation. */
export const plainPixels = (channels: number): Pick<Preprocessing, "mean" | "std"> => ({
  mean: Array.from({ length: channels }, () => 0),
  std: Array.from({ length: channels }, () => 1),
});

export interface Prepared {
  readonly preprocess: Preprocess;
  /** What a source does with pictures that no spec says; a sentence each. */
  readonly notes: readonly string[];
}

/** What a spec has for a source of a model with that input: as is usual where the source says nothing. */
export function prepared(stated: Preprocessing, input: Input): Prepared {
  const usual = usualPreprocess(input);
  const notes: string[] = [];
  const tell = (note: string): void => {
    notes.push(note);
  };
  const preprocess = {
    ...usual,
    mean: perChannel("mean", stated.mean, usual.mean, tell),
    std: perChannel("std", stated.std, usual.std, tell),
    resize: resizeOf(stated, input, tell) ?? usual.resize,
    interpolation: filterOf(stated.interpolation, tell),
  };
  return { preprocess, notes };
}

type Tell = (note: string) => void;

/** Configs hold decimals that went through float32. */
const near = (a: number, b: number | undefined): boolean => Math.abs(a - (b ?? Number.NaN)) < 1e-6;

function perChannel(name: "mean" | "std", stated: Preprocessing["mean"], usual: readonly number[], tell: Tell) {
  if (stated === undefined) return usual;
  const values = stated.length === 1 ? usual.map(() => stated[0] ?? 0) : stated;
  const fits = values.length === usual.length && (name === "mean" || values.every(value => value > 0));
  const channels = usual.length === 1 ? "1 channel" : `${usual.length} channels`;
  if (!fits) tell(`${name} ${inNote(stated)} is not for an input of ${channels}, and is left out`);
  return !fits || values.every((value, c) => near(value, usual[c])) ? usual : values;
}

const cropModes = ["center", "squash"];

/** What a picture is resized to, or null where that is not said. */
function resizeOf({ resize, crop_pct, crop_mode = "center" }: Preprocessing, input: Input, tell: Tell): Resize | null {
  if (resize !== undefined) {
    if (resize >= Math.max(input.height, input.width)) return { mode: "cover", height: resize, width: resize };
    tell(`pictures resized to ${resize} are padded to the input's size, which cnxc does not do`);
    return null;
  }
  if (!cropModes.includes(crop_mode)) {
    tell(`crop_mode ${inNote(crop_mode)} is none that cnxc has: pictures are fitted in the usual way`);
    return null;
  }
  if (crop_pct === undefined) return null;
  if (crop_pct <= 1) return resizedTo(crop_mode === "squash" ? "squash" : "cover", input, crop_pct);
  tell(`crop_pct ${crop_pct} is above 1, and is left out`);
  return null;
}

function filterOf(interpolation: string | undefined, tell: Tell): Filter {
  if (interpolation === undefined) return usualFilter;
  const known = filters.find(filter => filter === interpolation);
  if (known === undefined)
    tell(`interpolation ${inNote(interpolation)} is none that cnxc has: pictures are resized by ${usualFilter}`);
  return known ?? usualFilter;
}
