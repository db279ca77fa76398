import { type Diagnostic, fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import { nearestOf } from "../diagnostics/nearest.ts";
import { readJson, smallJson } from "../json/read.ts";
import { flag, isObject, line, type Misfit, matching, number, oneOf, type Shape } from "../json/shape.ts";
import { type StorageType, storageTypes } from "../model/model.ts";
import { type ProfileName, tuningProfiles } from "../plan/tiles/tuning-profiles.ts";

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

/** Values that a device can have. Within them no time is too small or too large for a number. */
export const deviceRanges = {
  /** A second, of whatever a rate counts: from what a pocket calculator does to a million data centres. */
  rate: { from: 1, to: 1e21 },
  /** Seconds. */
  launch: { from: 1e-12, to: 1000 },
  units: { from: 1, to: 1e9 },
} as const;

export const longestTitle = 200;

export const deviceName = matching(/^[a-z0-9][a-z0-9.-]{0,63}$/, "at most 64 small letters, digits, '.' and '-'");

const rate = number(deviceRanges.rate.from, deviceRanges.rate.to);
const rateNames = ["product", "depthwise", "values"] as const satisfies readonly (keyof Rates)[];

function ratesMisfits(rates: unknown): readonly Misfit[] {
  if (!isObject(rates) || Object.keys(rates).length === 0)
    return [{ where: "rates", wanted: `an object of ${storageTypes.join(", ")}` }];
  return Object.entries(rates).flatMap(([dtype, of]) => {
    const where = `rates.${dtype}`;
    const each = isObject(of) ? of : {};
    const other = Object.keys(each).find(name => !rateNames.includes(name as keyof Rates));
    return [
      oneOf(...storageTypes)(dtype, where),
      ...rateNames.map(name => rate(each[name], `${where}.${name}`)),
      other === undefined ? null : { where: `${where}.${other}`, wanted: "left out: no such field" },
    ].filter(misfit => misfit !== null);
  });
}

const sourcesShape: Shape = (value, where) => {
  if (!isObject(value)) return { where, wanted: "an object of strings: where each number is from" };
  for (const [name, source] of Object.entries(value)) {
    const misfit = line(2000)(source, `${where}.${name}`);
    if (misfit !== null) return misfit;
  }
  return null;
};

const deviceFields: { readonly [name in Exclude<keyof Device, "rates">]: Shape } = {
  name: deviceName,
  title: line(longestTitle),
  tuning: oneOf(...Object.keys(tuningProfiles)),
  bandwidth: rate,
  launch: number(deviceRanges.launch.from, deviceRanges.launch.to),
  units: number(deviceRanges.units.from, deviceRanges.units.to),
  overlaps: flag,
  sources: sourcesShape,
};
const known = [...Object.keys(deviceFields), "rates"];

/** Bytes and values of a device file. */
export const deviceLimits = smallJson;

/** A device from the bytes of its file, or everything that is wrong with it. */
export function readDevice(bytes: Uint8Array, file: string): Result<Device> {
  const place = { file, offset: null };
  const wrong = (field: string, wants: string): Diagnostic => error("device-file", place, field, wants);
  const json = readJson({
    file,
    bytes,
    limits: deviceLimits,
    wrong: (at, why) => error("device-file", at, "the file", `JSON: ${why}`),
  });
  if (!json.ok) return json;
  const device = json.value;
  if (!isObject(device)) return fail(wrong("the file", "a JSON object"));
  const others = Object.keys(device).filter(field => !known.includes(field));
  const nearestField = nearestOf(known);
  const problems = [
    ...others.map(field => {
      const nearest = nearestField(field);
      return wrong(field, nearest === null ? "left out: no such field" : `left out, or '${nearest}'`);
    }),
    ...[
      ...Object.entries(deviceFields).map(([field, shape]) => shape(device[field], field)),
      ...ratesMisfits(device.rates),
    ]
      .filter(misfit => misfit !== null)
      .map(({ where, wanted }) => wrong(where, wanted)),
  ];
  return problems.length > 0 ? fail(...problems) : ok(device as unknown as Device);
}

export const printDevice = (device: Device): string => `${JSON.stringify(device, null, 2)}\n`;

/** The storage type that is predicted where none is named. */
export const defaultType = ({ rates }: Device): StorageType => Object.keys(rates)[0] as StorageType;
