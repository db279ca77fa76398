import type { Device, Rates } from "./device.ts";
import type { Agreement } from "./fit.ts";

interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * What devices can have, far around all that there are: a laptop's slowest core to twice the fastest accelerator of 2026
 * (8 TB/s of memory, 1.1e15 multiply-adds a second of dense 16-bit products, 4e13 in f32 of its lanes). A launch takes
 * longer than a word takes to cross a bus, and less than a picture takes on a screen.
 */
export const possible = {
  bandwidth: { from: 1e8, to: 2e13 },
  launch: { from: 2e-7, to: 2e-2 },
  product: { from: 1e7, to: 2e15 },
  depthwise: { from: 1e7, to: 2e14 },
  values: { from: 1e6, to: 2e14 },
} as const satisfies Readonly<Record<"bandwidth" | "launch" | keyof Rates, Range>>;

type Figure = keyof typeof possible;

const units: Readonly<Record<Figure, string>> = {
  bandwidth: "bytes a second",
  launch: "seconds",
  product: "multiply-adds a second of products",
  depthwise: "multiply-adds a second of depthwise convolutions",
  values: "values a second",
};

/** A fit stops at a limit within its last step. */
const step = 1.01;

/** What no time depends on may be as large as can be: a fit then leaves it at the limit. */
const mayBeFree: ReadonlySet<Figure> = new Set(["bandwidth", "depthwise", "values"]);

/** Fitted numbers of a device, each with its field. */
function figuresOf({
  bandwidth,
  launch,
  rates,
}: Device): readonly (readonly [field: string, of: Figure, value: number])[] {
  return [
    ["bandwidth", "bandwidth", bandwidth] as const,
    ["launch", "launch", launch] as const,
    ...Object.entries(rates).flatMap(([dtype, each]) =>
      (["product", "depthwise", "values"] as const).map(name => [`rates.${dtype}.${name}`, name, each[name]] as const),
    ),
  ];
}

/** The fields of a fit that stand at the most that there is: no time told them. */
export const untold = (device: Device): readonly string[] =>
  figuresOf(device).flatMap(([field, of, value]) =>
    mayBeFree.has(of) && value * step > possible[of].to ? [field] : [],
  );

/** How far off predictions of a fit may be, in the median: software adapters of shared machines have half of it. */
export const mostMedianError = 0.2;

/** Why a fit is of no device, in words; none where it may be of one. */
export function impossibilities(device: Device, { medianError }: Agreement): readonly string[] {
  const beyond = figuresOf(device).flatMap(([field, of, value]) => {
    const { from, to } = possible[of];
    const end = value < from * step ? "least" : value * step > to && !mayBeFree.has(of) ? "most" : null;
    return end === null ? [] : [`${field} is ${value.toPrecision(3)} ${units[of]}, the ${end} that any device has`];
  });
  const off = medianError <= mostMedianError ? [] : [offText(medianError)];
  return [...off, ...beyond];
}

const offText = (medianError: number): string =>
  `predictions are off by ${Math.round(100 * medianError)} % in the median, more than ${100 * mostMedianError} %`;
