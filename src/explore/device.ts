import { type Diagnostic, fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import { nearestOf } from "../diagnostics/nearest.ts";
import { type StorageType, storageTypes } from "../model/model.ts";
import { type ProfileName, tuningProfiles } from "../plan/tuning-profiles.ts";

/** How fast a device is with one storage type. */
export interface Rates {
  /** Multiply-adds a second of matrix products. */
  readonly product: number;
  /** Multiply-adds a second of depthwise convolutions. */
  readonly depthwise: number;
  /** Values a second that a kernel finishes: bias, GELU, norms and sums. */
  readonly values: number;
}

/** A device as the cost model sees it: data, from a file that can be read, written and fitted (`cnxc calibrate`). */
export interface Device {
  readonly name: string;
  /** One line for people. */
  readonly title: string;
  /** Whose kernels it runs: `cuda`, or the WGSL tiles of `gpu`, `lavapipe` or `swiftshader`. */
  readonly tuning: ProfileName;
  /** By storage type; the first is what is predicted where none is named. */
  readonly rates: { readonly [dtype in StorageType]?: Rates };
  /** Bytes a second between kernels. */
  readonly bandwidth: number;
  /** Seconds that a kernel costs however little it does. */
  readonly launch: number;
  /** Workgroups that run at once: fewer leave a part of the device idle. */
  readonly units: number;
  /** Arithmetic and memory go on at once, so that the slowest counts; else their times add up. */
  readonly overlaps: boolean;
  /** Where each number is from. */
  readonly sources: Readonly<Record<string, string>>;
}

const numbers = ["bandwidth", "launch", "units"] as const;
const rateNames = ["product", "depthwise", "values"] as const;
const known = ["name", "title", "tuning", "rates", ...numbers, "overlaps", "sources"];
const nearestField = nearestOf(known);

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isRate = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value > 0;

/** A device from the text of its file, or everything that is wrong with it. */
export function readDevice(text: string, file: string): Result<Device> {
  const problems: Diagnostic[] = [];
  const wrong = (field: string, wants: string): void => {
    problems.push(error("device-file", { file, offset: null }, field, wants));
  };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return fail(error("device-file", { file, offset: null }, "the file", "JSON"));
  }
  if (!isObject(json)) return fail(error("device-file", { file, offset: null }, "the file", "a JSON object"));
  for (const field of Object.keys(json))
    if (!known.includes(field)) {
      const nearest = nearestField(field);
      wrong(field, nearest === null ? "left out: no such field" : `left out, or '${nearest}'`);
    }
  if (typeof json.name !== "string" || !/^[a-z0-9][a-z0-9.-]{0,63}$/.test(json.name))
    wrong("name", "small letters, digits, '.' and '-'");
  if (typeof json.title !== "string") wrong("title", "a string");
  if (typeof json.tuning !== "string" || !Object.hasOwn(tuningProfiles, json.tuning))
    wrong("tuning", `one of ${Object.keys(tuningProfiles).join(", ")}`);
  for (const field of numbers) if (!isRate(json[field])) wrong(field, "a positive number");
  if (typeof json.overlaps !== "boolean") wrong("overlaps", "true or false");
  if (!isObject(json.sources) || Object.values(json.sources).some(value => typeof value !== "string"))
    wrong("sources", "an object of strings: where each number is from");
  const rates = isObject(json.rates) ? Object.entries(json.rates) : [];
  if (rates.length === 0) wrong("rates", `an object of ${storageTypes.join(", ")}`);
  for (const [dtype, of] of rates) {
    if (!(storageTypes as readonly string[]).includes(dtype))
      wrong(`rates.${dtype}`, `one of ${storageTypes.join(", ")}`);
    for (const name of rateNames)
      if (!isObject(of) || !isRate(of[name])) wrong(`rates.${dtype}.${name}`, "a positive number");
  }
  return problems.length > 0 ? fail(...problems) : ok(json as unknown as Device);
}

export const printDevice = (device: Device): string => `${JSON.stringify(device, null, 2)}\n`;

/** The storage type that is predicted where none is named. */
export const defaultType = ({ rates }: Device): StorageType => Object.keys(rates)[0] as StorageType;
