import { readFileSync } from "node:fs";
import { onnx } from "onnx-proto";
import type { Weights } from "../../../src/weights/tensor.ts";
import { fromF32 } from "../../../src/weights/use/round.ts";

/** Classes of the recorded model. */
export const classes = 1000;

/** The export as it came, what ONNX Runtime's converter made of it, and the same with GRN's norms left in f32. */
export type Recorded = "f32" | "f16" | "f16-norms";

interface Tensor {
  readonly name: string;
  readonly dims: readonly unknown[];
  rawData: Uint8Array;
}

/** A file of test/emit/onnx/converted/, see `record.py` there, with these weights in it. */
export async function convertedBytes(recorded: Recorded, weights: Weights): Promise<Uint8Array> {
  const model = onnx.ModelProto.decode(readFileSync(new URL(`converted/${recorded}.onnx`, import.meta.url)));
  for (const tensor of (model.graph?.initializer ?? []) as Tensor[]) {
    const [param = "", how] = tensor.name.split("/");
    const values = await weights.f32(param);
    tensor.rawData = bytesOf[recorded](how === "transposed" ? transposed(values, Number(tensor.dims[1])) : values);
  }
  return onnx.ModelProto.encode(model).finish();
}

/** The smallest f16 above 0: the converter makes it of all that is between, where others round to 0. */
const least = 2 ** -24;

const toHalf = (values: Float32Array): Uint8Array =>
  fromF32.F16(values.map(x => (x !== 0 && Math.abs(x) < least ? Math.sign(x) * least : x)));

const bytesOf: Readonly<Record<Recorded, (values: Float32Array) => Uint8Array>> = {
  f32: fromF32.F32,
  f16: toHalf,
  "f16-norms": toHalf,
};

const transposed = (values: Float32Array, rows: number): Float32Array =>
  values.map((_, i) => values[(i % rows) * (values.length / rows) + Math.floor(i / rows)] as number);
