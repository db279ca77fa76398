import { type FilePlace, fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { shown } from "../diagnostics/escape.ts";
import { quoted } from "../diagnostics/messages/quoted.ts";
import { error } from "../diagnostics/messages.ts";
import { type JsonLimits, type JsonRows, readJson } from "../json/read.ts";
import {
  fieldsOf,
  fitting,
  flag,
  isObject,
  line,
  listOf,
  type Misfit,
  matching,
  number,
  oneOf,
  orNull,
  type Shape,
  whole,
} from "../json/shape.ts";
import { maxBatch, storageTypes } from "../model/model.ts";
import { columnsOf } from "./columns.ts";
import { longestWord, readBudget, readCondition, readDirection } from "./conditions.ts";
import { deviceName, longestTitle } from "./device.ts";
import { choiceAt, productOf } from "./points.ts";
import { bounds } from "./predict.ts";
import type { Exploration, Query, Variant } from "./result.ts";

/** Of one file, beside its variants. */
export const explorationLimits: JsonLimits = { bytes: 2 ** 28, values: 2 ** 20 };

/** Sums over kernels: no device and no model that can be described comes near. */
const most = 1e60;
const natural = fitting("a whole number from 0", value => Number.isInteger(value) && (value as number) >= 0);
const mostListed = 2 ** 24;
/** Neither a sweep nor a search visits more. */
const mostVariants = 100_000;
const size = whole(1, 2 ** 31);
const amount = number(0, most);
const milliseconds = number(1e-12, most);

/** A number, a word, or a printed list or group of a spec, which is never longer than the spec. */
const axisValue: Shape = (value, where) => {
  if (typeof value === "number" || typeof value === "boolean") return null;
  const misfit = line(256 * 1024)(value, where);
  return misfit === null ? null : { where, wanted: `a number, true, false or ${misfit.wanted}` };
};

const text = line(longestWord);
const settingShape = fieldsOf({
  label: matching(
    /^[a-z0-9][a-z0-9.-]{0,63}(\/[a-z0-9]{1,8})?(\/b\d{1,5})?$/,
    "a device's name, with /dtype and /bBATCH where there are several",
  ),
  device: deviceName,
  title: line(longestTitle),
  dtype: oneOf(...storageTypes),
  batch: whole(1, maxBatch),
});

const queryShape = fieldsOf({
  spec: matching(/^[0-9a-f]{64}$/, "a SHA-256 in small hexadecimal digits"),
  sweep: matching(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, "the name of a sweep"),
  axes: listOf(
    fieldsOf({
      path: matching(/^[a-z][a-z0-9_.[\]]{0,255}$/, "the path of a field"),
      values: listOf(axisValue, 1, 1024),
    }),
    0,
    1024,
  ),
  settings: listOf(settingShape, 1, mostListed),
  where: listOf(text, 0, mostListed),
  sort: listOf(text, 0, mostListed),
  top: orNull(whole(1, 100_000)),
  front: listOf(text, 0, mostListed),
});

const estimateShape = fieldsOf({
  kernels: whole(1, 1e9),
  weightBytes: amount,
  scratchBytes: amount,
  bytesMoved: amount,
  milliseconds,
  bound: oneOf(...bounds),
  measured: orNull(milliseconds),
});

const stageShape = fieldsOf({ depth: size, dim: size, kernel: size, height: size, width: size });

/** A variant about so many axes and settings, at least and at most. */
const variantShape = (axes: readonly [number, number], settings: readonly [number, number]): Shape =>
  fieldsOf({
    index: natural,
    values: listOf(axisValue, ...axes),
    stages: listOf(stageShape, 1, 64),
    params: whole(0, 1e15),
    macs: amount,
    activations: amount,
    estimates: listOf(estimateShape, ...settings),
  });

/** What is asked of each while it is read, so that of what is none of ours little is held. */
const rows: JsonRows = {
  key: "variants",
  most: mostVariants,
  values: 2 ** 14,
  shape: variantShape([0, 1024], [1, 1024]),
};

/** Of an exploration about so many axes and settings. */
const explorationShape = ({ axes, settings }: Query): Shape =>
  fieldsOf({
    format: oneOf("cnxc-exploration-1"),
    query: queryShape,
    points: natural,
    visited: natural,
    complete: flag,
    shard: orNull(fieldsOf({ index: whole(1, 999_999), of: whole(1, 999_999) })),
    search: orNull(fieldsOf({ seed: whole(0, 999_999_999), budget: listOf(text, 1, mostListed) })),
    variants: listOf(variantShape([axes.length, axes.length], [settings.length, settings.length]), 0, mostVariants),
    front: listOf(natural, 0, mostVariants),
  });

/** An exploration from the bytes of its file, as `explore --json` or `explore -o` wrote it, or what is wrong first. */
export function readExploration(bytes: Uint8Array, file: string): Result<Exploration> {
  const wrong = (place: FilePlace, why: string) => error("exploration-file", place, why);
  const json = readJson({ file, bytes, limits: explorationLimits, wrong, rows });
  if (!json.ok) return json;
  const value = isObject(json.value) && Object.hasOwn(json.value, "result") ? json.value.result : json.value;
  const misfit = misfitOf(value);
  if (misfit === null) return ok(value as Exploration);
  const where = misfit.where === "" ? "the whole" : quoted(misfit.where);
  return fail(wrong({ file, offset: null }, `${where} must be ${misfit.wanted}`));
}

function misfitOf(value: unknown): Misfit | null {
  if (!isObject(value)) return { where: "", wanted: "an object" };
  const format = oneOf("cnxc-exploration-1")(value.format, "format");
  if (format !== null) return format;
  const query = queryShape(value.query, "query");
  if (query !== null) return query;
  const found = value as unknown as Exploration;
  return explorationShape(found.query)(value, "") ?? wordsMisfit(found) ?? pointsMisfit(found) ?? rowsMisfit(found);
}

/** Conditions and columns must mean something where these settings are. */
function wordsMisfit({ query: { settings, where, sort, front }, search }: Exploration): Misfit | null {
  const columns = columnsOf(settings);
  const misfits = [
    ...listMisfits("query.where", where, "a condition on one of its columns", word => readCondition(word, columns)),
    ...listMisfits("query.sort", sort, "one of its columns", word => readDirection(word, "--sort", columns)),
    ...listMisfits("query.front", front, "one of its columns", word => readDirection(word, "--front", columns)),
    ...listMisfits("search.budget", search?.budget ?? [], "a limit of one of its columns", word =>
      readBudget(word, columns),
    ),
  ];
  return misfits[0] ?? null;
}

const listMisfits = (
  where: string,
  words: readonly string[],
  wanted: string,
  read: (word: string) => Result<unknown>,
): readonly Misfit[] => words.flatMap((word, i) => (read(word).ok ? [] : [{ where: `${where}[${i}]`, wanted }]));

function pointsMisfit({ query, points, visited, shard }: Exploration): Misfit | null {
  const product = productOf(query);
  if (points !== product) return { where: "points", wanted: `${product}, the product of its axes` };
  if (visited > points) return { where: "visited", wanted: `at most ${points}` };
  return shard !== null && shard.index > shard.of ? { where: "shard.index", wanted: `from 1 to ${shard.of}` } : null;
}

/** Each row stands once, where its part has it, with the values of its place. */
function rowsMisfit({ query, points, shard, variants, front }: Exploration): Misfit | null {
  const seen = new Set<number>();
  for (const [i, variant] of variants.entries()) {
    const misfit = rowMisfit(variant, query, points, shard);
    if (misfit !== null) return { ...misfit, where: `variants[${i}].${misfit.where}` };
    if (seen.has(variant.index)) return { where: `variants[${i}].index`, wanted: "another than those before" };
    seen.add(variant.index);
  }
  for (const [i, index] of front.entries())
    if (!seen.delete(index)) return { where: `front[${i}]`, wanted: "the index of one of its variants, each once" };
  return null;
}

function rowMisfit(
  { index, values }: Variant,
  { axes }: Query,
  points: number,
  shard: Exploration["shard"],
): Misfit | null {
  if (index >= points) return { where: "index", wanted: `below ${points}` };
  if (shard !== null && index % shard.of !== shard.index - 1)
    return { where: "index", wanted: `of shard ${shard.index} of ${shard.of}` };
  const choice = choiceAt({ axes }, index);
  const wrong = axes.findIndex((axis, k) => axis.values[choice[k] as number] !== values[k]);
  if (wrong < 0) return null;
  const wanted = `${shown(JSON.stringify(axes[wrong]?.values[choice[wrong] as number]))}, the value there of variant ${index}`;
  return { where: `values[${wrong}]`, wanted };
}
