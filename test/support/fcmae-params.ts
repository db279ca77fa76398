import { elements, type Param, type Weights } from "../../src/weights/tensor.ts";
import { type Golden, goldenParams, goldenWeights } from "./golden.ts";

/**
 * The parameters of a recorded masked autoencoder as the dense code names and shapes them, and their values: the table
 * "Checkpoint keys: FCMAE to dense" of `test/golden/README.md` once more, written from it and nothing else.
 */
export function denseOfFcmae(golden: Golden): { readonly params: readonly Param[]; readonly weights: Weights } {
  const sparse = goldenWeights(golden);
  const rows = goldenParams(golden).map(param => ({ param, dense: denseParam(param) }));
  const byName = new Map(rows.map(row => [row.dense.name, row]));
  return {
    params: rows.map(({ dense }) => dense),
    weights: {
      origin: "dense",
      f32: async name => {
        const row = byName.get(name);
        if (row === undefined) throw new Error(`no parameter '${name}'`);
        const values = await sparse.f32(row.param.name);
        return row.param.name.endsWith(".kernel") ? denseValues(values, row.dense.shape) : values;
      },
    },
  };
}

function denseParam({ name, shape }: Param): Param {
  const dense = name
    .replace(/^encoder\./, "")
    .replace(/\.(ln|linear)\./, ".")
    .replace(/\.kernel$/, ".weight");
  if (!name.startsWith("encoder.")) return { name, shape };
  const [first = 0, second = 0, third = 0] = shape;
  if (name.endsWith("dwconv.kernel")) return { name: dense, shape: [second, 1, Math.sqrt(first), Math.sqrt(first)] };
  if (name.endsWith(".kernel")) return { name: dense, shape: [third, second, 2, 2] };
  if (/\.grn\./.test(name)) return { name: dense, shape: [1, 1, 1, second] };
  return { name: dense, shape: name.endsWith(".bias") ? [elements(shape)] : shape };
}

function denseValues(kernel: Float32Array, [outputs = 0, inputs = 0, side = 0]: readonly number[]): Float32Array {
  const dense = new Float32Array(kernel.length);
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let y = 0; y < side; y++)
        for (let x = 0; x < side; x++)
          dense[((o * inputs + i) * side + y) * side + x] =
            kernel[((y + side * x) * inputs + i) * outputs + o] ?? Number.NaN;
  return dense;
}
