import { invariant } from "../diagnostics/invariant.ts";
import type { OpTable } from "./graph.ts";
import type { PatchGrid } from "./ops.ts";
import { at, centreRows, dim, eachSite, empty, type Operands, pick, type Values } from "./values.ts";

/** The patch that the site at (row, column) of an h x w map lies in. */
export const patchAt = ({ rows, columns }: PatchGrid, h: number, w: number, row: number, column: number): number =>
  Math.floor((row * rows) / h) * columns + Math.floor((column * columns) / w);

/** x where the mask keeps a patch, else what `removed` says of the channel. */
function hide(x: Values, mask: Values, grid: PatchGrid, removed: (channel: number) => number): Values {
  const out = empty(x.shape);
  eachSite(x.shape, (i, image, row, column, c) => {
    const patch = patchAt(grid, dim(x, 1), dim(x, 2), row, column);
    const kept = at(mask.data, image * grid.rows * grid.columns + patch) === 0;
    out.data[i] = kept ? at(x.data, i) : removed(c);
  });
  return out;
}

/** Slots of patches and patches of slots, as `patchTable` has them. */
export const tableOf = (table: Values, { rows, columns, keep }: PatchGrid) => ({
  slot: (image: number, patch: number) => at(table.data, image * (rows * columns + keep) + patch),
  patch: (image: number, slot: number) => at(table.data, image * (rows * columns + keep) + rows * columns + slot),
});

/** The site of a compact map under a tap of a depthwise kernel at a site of it, or −1 where the map has none. */
export function neighbourOf(table: Values, x: Values, grid: PatchGrid & { readonly kernel: number }) {
  const { rows, columns, keep, kernel } = grid;
  const [, tall, across] = x.shape as [number, number, number];
  const down = tall / keep;
  const { slot, patch } = tableOf(table, grid);
  const reach = (kernel - 1) / 2;
  return (image: number, row: number, column: number, dy: number, dx: number): number => {
    const here = patch(image, Math.floor(row / down));
    const y = Math.floor(here / columns) * down + (row % down) + dy - reach;
    const z = (here % columns) * across + column + dx - reach;
    if (y < 0 || y >= rows * down || z < 0 || z >= columns * across) return -1;
    const from = slot(image, patchAt(grid, rows * down, columns * across, y, z));
    return from < 0 ? -1 : (image * tall + from * down + (y % down)) * across + (z % across);
  };
}

/** A value a patch, as a map of one site each. */
const asMap = (x: Values, rows: number, columns: number): Values =>
  x.shape.length === 2 ? { ...x, shape: [dim(x, 0), rows, columns, 1] } : x;

/** What was made of such a map is a value a patch again. */
const like = (given: Values, out: Values): Values =>
  given.shape.length === 2 ? { ...out, shape: [dim(out, 0), out.data.length / dim(out, 0)] } : out;

/** The formulas of masked autoencoders. */
export const siteOps = {
  maskSites({ attrs }, operands) {
    const [x, mask] = pick(operands, 2) as [Values, Values];
    return hide(x, mask, attrs, () => 0);
  },

  fillSites({ attrs }, operands) {
    const [x, mask, token] = pick(operands, 3) as [Values, Values, Values];
    return hide(x, mask, attrs, c => at(token.data, c));
  },

  patchTable({ attrs: { rows, columns, keep } }, operands) {
    const [mask] = pick(operands, 1) as [Values];
    const [n, patches] = mask.shape as [number, number];
    const out = empty([n, rows * columns + keep]);
    for (let image = 0; image < n; image++) {
      let slot = 0;
      for (let patch = 0; patch < patches; patch++) {
        const kept = at(mask.data, image * patches + patch) === 0;
        const row = image * (patches + keep);
        out.data[row + patch] = kept ? slot : -1;
        if (kept) out.data[row + patches + slot++] = patch;
      }
      invariant(slot === keep, `image ${image} keeps ${slot} patches, not ${keep}`);
    }
    return out;
  },

  gatherSites({ attrs }, operands) {
    const [given, table] = pick(operands, 2) as [Values, Values];
    const x = asMap(given, attrs.rows, attrs.columns);
    const [n, h, w, channels] = x.shape as [number, number, number, number];
    const [down, across] = [h / attrs.rows, w / attrs.columns];
    const { patch } = tableOf(table, attrs);
    const out = empty([n, attrs.keep * down, across, channels]);
    eachSite(out.shape, (i, image, row, column, c) => {
      const from = patch(image, Math.floor(row / down));
      const y = Math.floor(from / attrs.columns) * down + (row % down);
      const z = (from % attrs.columns) * across + column;
      out.data[i] = at(x.data, ((image * h + y) * w + z) * channels + c);
    });
    return like(given, out);
  },

  scatterSites({ attrs }, [x, table, token]) {
    const given = x as Values;
    const [from, slots] = [asMap(given, attrs.keep, 1), tableOf(table as Values, attrs)];
    const [n, tall, across, channels] = from.shape as [number, number, number, number];
    const down = tall / attrs.keep;
    const out = empty([n, attrs.rows * down, attrs.columns * across, channels]);
    eachSite(out.shape, (i, image, row, column, c) => {
      const slot = slots.slot(image, patchAt(attrs, dim(out, 1), dim(out, 2), row, column));
      const y = slot * down + (row % down);
      const index = ((image * tall + y) * across + (column % across)) * channels + c;
      out.data[i] = slot >= 0 ? at(from.data, index) : token === undefined ? 0 : at(token.data, c);
    });
    return like(given, out);
  },

  siteDepthwise({ attrs }, operands) {
    const [x, w, b, table] = pick(operands, 4) as [Values, Values, Values, Values];
    const { kernel } = attrs;
    const channels = dim(x, -1);
    const neighbour = neighbourOf(table, x, attrs);
    const out = empty(x.shape);
    eachSite(x.shape, (i, image, row, column, c) => {
      let sum = at(b.data, c);
      for (let dy = 0; dy < kernel; dy++)
        for (let dx = 0; dx < kernel; dx++) {
          const site = neighbour(image, row, column, dy, dx);
          if (site >= 0) sum += at(x.data, site * channels + c) * at(w.data, (c * kernel + dy) * kernel + dx);
        }
      out.data[i] = sum;
    });
    return out;
  },

  averagePool({ attrs: { size } }, operands) {
    const [x] = pick(operands, 1) as [Values];
    const [n, h, w, channels] = x.shape as [number, number, number, number];
    const out = empty([n, h / size, w / size, channels]);
    eachSite(x.shape, (i, image, row, column, c) => {
      const [y, z] = [Math.floor(row / size), Math.floor(column / size)];
      const to = ((image * dim(out, 1) + y) * dim(out, 2) + z) * channels + c;
      out.data[to] = at(out.data, to) + at(x.data, i) / size ** 2;
    });
    return out;
  },

  patchify({ attrs: { size } }, operands) {
    const [x] = pick(operands, 1) as [Values];
    const [n, channels, h, w] = x.shape as [number, number, number, number];
    const out = empty([n, h / size, w / size, size * size * channels]);
    eachSite(out.shape, (i, image, row, column, pixel) => {
      const place = Math.floor(pixel / channels);
      const y = row * size + Math.floor(place / size);
      const z = column * size + (place % size);
      out.data[i] = at(x.data, ((image * channels + (pixel % channels)) * h + y) * w + z);
    });
    return out;
  },

  standardize: ({ attrs }, [x]) => {
    const c = dim(x as Values, -1);
    return centreRows(x as Values, squares => 1 / Math.sqrt(squares / (c - 1) + attrs.eps));
  },

  siteError(_, operands) {
    const [x, y] = pick(operands, 2) as [Values, Values];
    const c = dim(x, -1);
    const out = empty([dim(x, 0), dim(x, 1) * dim(x, 2)]);
    x.data.forEach((value, i) => {
      const to = Math.floor(i / c);
      out.data[to] = at(out.data, to) + (value - at(y.data, i)) ** 2 / c;
    });
    return out;
  },

  maskedMean(_, operands) {
    const [errors, mask] = pick(operands, 2) as [Values, Values];
    const total = errors.data.reduce((sum, value, i) => sum + value * at(mask.data, i), 0);
    const count = mask.data.reduce((sum, value) => sum + value, 0);
    return { shape: [1], data: Float64Array.of(total / count) };
  },
} as const satisfies Partial<OpTable<Values, [Operands]>>;
