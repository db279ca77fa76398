import { InvalidArgumentError, Option } from "commander";
import { type Batch, maxBatch, storageTypes } from "../../model/model.ts";
import { randomSeed } from "../../weights/made/random.ts";

/** An option that takes one of a few words. */
export const choice = (flags: string, description: string, values: readonly string[]): Option =>
  new Option(flags, description).choices(values);

/** An option given once: a second time is a mistake, not a change of mind. */
export const once = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((text: string, before: string | undefined) => {
    if (before !== undefined) throw new InvalidArgumentError("it is given twice");
    return text;
  });

/** An option that takes a whole number. */
export const count = (flags: string, description: string, min: number, max: number): Option =>
  new Option(flags, description).argParser((text: string): number => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : -1;
    if (number < min || number > max) throw new InvalidArgumentError(`it is a whole number from ${min} to ${max}`);
    return number;
  });

/** An option that is given once for each value. */
export const repeated = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]);

/** An option that takes several words, separated by commas or given again. */
export const list = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((text: string, before: string[] | undefined) => [
    ...new Set([...(before ?? []), ...text.split(",").filter(word => word !== "")]),
  ]);

/** The same with words to choose from. */
export const choices = (flags: string, description: string, values: readonly string[]): Option =>
  new Option(flags, `${description}: ${values.join(", ")}`).argParser((text: string, before: string[] | undefined) => {
    const words = text.split(",");
    for (const word of words) {
      if (!values.includes(word)) throw new InvalidArgumentError(`it is one of ${values.join(", ")}`);
    }
    return [...new Set([...(before ?? []), ...words])];
  });

/** An option with a default. */
export const defaulted = (flags: string, description: string, values: readonly string[], value: string): Option =>
  choice(flags, description, values).default(value);

/** How the stages of a masked encoder are computed. */
export const sitesOption = (): Option =>
  defaulted(
    "--sites <layout>",
    "stages of an fcmae encoder: on kept patches, or masked",
    ["auto", "compact", "masked"],
    "auto",
  );

/** How the executors of `--on` store weights and activations. */
export const storageOption = (): Option =>
  choice("--dtype <name>", "storage type (default: f32): f16 on webgpu, onnx and CUDA, bf16 on CUDA", storageTypes);

/** All commands that make CUDA kernels say it so. */
export const tf32Help = "multiply f32 on CUDA's tensor cores, each operand rounded to 10 bits of mantissa";

/** A whole number from 1. */
export const countOption = (flags: string, description: string, value: number): Option =>
  new Option(flags, description)
    .argParser((text: string): number => {
      if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError("it is a whole number from 1");
      return Number(text);
    })
    .default(value);

/** A mask that is drawn: its seed. */
export const maskOption = (): Option =>
  new Option("--mask <random:SEED>", "draw the mask of an fcmae model instead of reading it").argParser(
    (text: string): number => {
      const seed = randomSeed(text);
      if (!seed.ok) throw new InvalidArgumentError("it is random:SEED, with a whole number from 0 to 4294967295");
      return seed.value;
    },
  );

/** The same as a number, for what is drawn in any case. */
export const seedOption = (what = "which mask is drawn"): Option =>
  new Option("--seed <number>", what)
    .argParser((text: string): number => {
      const seed = randomSeed(`random:${text}`);
      if (!seed.ok) throw new InvalidArgumentError("it is a whole number from 0 to 4294967295");
      return seed.value;
    })
    .default(0);

/** A number of images as it is written, or null where there may be none or not so many. */
const imagesOf = (text: string): number | null => {
  const images = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  return images >= 1 && images <= maxBatch ? images : null;
};

/** Several batches: `1,256`. */
export const batchesOption = (): Option =>
  new Option("--batch <sizes>", "images of a pass, one size or several (default: 1)").argParser((text: string) => {
    const sizes = text.split(",").map(imagesOf);
    const right = sizes.filter(size => size !== null);
    if (right.length < sizes.length)
      throw new InvalidArgumentError(`it is whole numbers from 1 to ${maxBatch}, separated by commas`);
    return [...new Set(right)];
  });

/** `8`, or `1..8` where the batch is chosen at run time. */
export const batchOption = (): Option =>
  new Option("--batch <images>", "images a run, one number or a range such as 1..8 (default: 1)").argParser(
    (text: string): Batch => {
      const [min, max = min, ...more] = text.split("..").map(imagesOf);
      if (min == null || max == null || max < min || more.length > 0)
        throw new InvalidArgumentError(`it is a whole number from 1 to ${maxBatch}, or a range such as 1..8`);
      return { min, max };
    },
  );
