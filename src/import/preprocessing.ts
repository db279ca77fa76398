import { cropPct, imagenet } from "../model/imagenet.ts";
import type { Input } from "../model/model.ts";
import { shorterSide } from "../preprocess/geometry.ts";
import { isPictureChannels } from "../preprocess/picture.ts";
import { inNote } from "./fields.ts";

/** How pictures become input, as far as a source says it; undefined is not said. */
export interface Preprocessing {
  /** A value a channel, of pixels from 0 to 1. */
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
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

/** What `classify` does and `--layout huggingface` writes. Grey and RGBA pictures are left as they are. */
function usual(input: Input): Preprocessing {
  const crops = shorterSide(input) !== null;
  return {
    ...(input.channels === 3 ? imagenet : plainPixels(input.channels)),
    crop_pct: crops ? cropPct : 1,
    crop_mode: crops ? "center" : "squash",
    interpolation: "bicubic",
  };
}

/** Configs hold decimals that went through float32. */
const near = (a: unknown, b: unknown): boolean =>
  typeof a === "number" && typeof b === "number" ? Math.abs(a - b) < 1e-6 : a === b;

const same = (a: unknown, b: unknown): boolean =>
  Array.isArray(a) && Array.isArray(b) ? a.length === b.length && a.every((value, i) => near(value, b[i])) : near(a, b);

/** One note of all in which a source prepares pictures otherwise than cnxc, or none. */
export function preprocessingNotes(stated: Preprocessing, input: Input): readonly string[] {
  const other = Object.entries(usual(input)).flatMap(([name, value]) => {
    const said = stated[name as keyof Preprocessing];
    return said === undefined || same(said, value) ? [] : [`${name} ${inNote(value)}, not ${inNote(said)}`];
  });
  if (other.length === 0) return [];
  if (!isPictureChannels(input.channels))
    return [
      `there are no pictures of ${input.channels} channels: normalise what you run the model on as the source does`,
    ];
  return [`pictures are prepared by the published way, not as the source says: ${other.join("; ")}`];
}
