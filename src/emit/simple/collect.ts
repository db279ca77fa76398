import type { KernelParams } from "../../plan/kernels.ts";
import { dims, elementThreads, type Form, read, type SimpleKernel, write } from "./kernel.ts";

type Params = KernelParams["collect"];

/** Sums of what is there of some values of a map: each term only where it says so, and 0 where none does. */
interface Collection {
  readonly title: string;
  readonly from: readonly [height: number, width: number, channels: number];
  readonly to: readonly [height: number, width: number, channels: number];
  readonly terms: readonly { readonly inside: string; readonly at: string }[];
}

const collections: { readonly [K in Params["op"]]: (p: Extract<Params, { op: K }>) => Collection } = {
  padSites({ height, width, channels, to }) {
    const [row, column] = [`i / ${to.width * channels}`, `i / ${channels} % ${to.width}`];
    const at = `(${row} * ${width} + ${column}) * ${channels} + i % ${channels}`;
    return {
      title: "A map with zeros below it and to its right",
      from: [height, width, channels],
      to: [to.height, to.width, channels],
      terms: [{ inside: `${row} < ${height} && ${column} < ${width}`, at }],
    };
  },
  neighbours({ height, width, channels, dilation }) {
    const deep = 4 * channels;
    const before = Math.floor(dilation / 2);
    const along = (index: string, tap: string, length: number) => {
      const place = `${index} + ${tap} * ${dilation}`;
      if (before === 0) return { at: place, inside: `${place} < ${length}` };
      return { at: `${place} - ${before}`, inside: `${place} >= ${before} && ${place} < ${length + before}` };
    };
    const y = along(`i / ${width * deep}`, "i / 2 % 2", height);
    const x = along(`i / ${deep} % ${width}`, "i % 2", width);
    const at = `((${y.at}) * ${width} + ${x.at}) * ${channels} + i / 4 % ${channels}`;
    return {
      title: `The channels of 2x2 sites ${dilation} apart, from ${before} above and left on, zeros outside`,
      from: [height, width, channels],
      to: [height, width, deep],
      terms: [{ inside: `${y.inside} && ${x.inside}`, at }],
    };
  },
  neighbourSum({ height, width, channels, dilation }) {
    const before = Math.floor(dilation / 2);
    const along = (index: string, tap: number, length: number) => {
      const by = before - tap * dilation;
      if (by === 0) return { at: index, inside: [] };
      return by > 0
        ? { at: `${index} + ${by}`, inside: [`${index} + ${by} < ${length}`] }
        : { at: `${index} - ${-by}`, inside: [`${index} >= ${-by}`] };
    };
    const terms = [0, 1, 2, 3].map(tap => {
      const y = along(`i / ${width * channels}`, tap >> 1, height);
      const x = along(`i / ${channels} % ${width}`, tap & 1, width);
      const at = `(((${y.at}) * ${width} + ${x.at}) * ${channels} + i % ${channels}) * 4 + ${tap}`;
      return { inside: [...y.inside, ...x.inside].join(" && ") || "true", at };
    });
    return {
      title: `Sums over the 2x2 sites, ${dilation} apart, that have taken a site's channels`,
      from: [height, width, 4 * channels],
      to: [height, width, channels],
      terms,
    };
  },
};

/** A thread a value. */
export function collect(p: Params, { language }: Form): SimpleKernel {
  const { title, from, to, terms } = (collections[p.op] as (p: Params) => Collection)(p);
  const length = to[0] * to[1] * to[2];
  return {
    template: "collect",
    context: { title, shape: dims(...to), terms },
    operands: [read("input", from[0] * from[1] * from[2], 1, dims(...from)), write("output", length, 1, dims(...to))],
    threads: elementThreads[language],
    over: { elements: length },
  };
}
