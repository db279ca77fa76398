import { dtypeBytes, type FileDType } from "../../src/weights/dtype.ts";
import { elements, type Tensor, type TensorFile } from "../../src/weights/tensor.ts";

export interface Row {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype?: FileDType;
  readonly values?: Float32Array;
  readonly bytes?: Uint8Array;
}

/** A file in memory that holds the rows, and zeros where a row states none. */
export function fileOf(rows: readonly Row[]): TensorFile {
  const byName = new Map(rows.map(row => [row.name, row]));
  const tensor = ({ name, shape, dtype = "F32" }: Row, k: number): [string, Tensor] => [
    name,
    { name, shape, dtype, place: { file: "w.safetensors", offset: 10 * k }, dataAt: 1000 * k },
  ];
  return {
    name: "w.safetensors",
    tensors: new Map(rows.map(tensor)),
    metadata: new Map(),
    bytes: async name => {
      const { shape = [], dtype = "F32", values, bytes = values } = byName.get(name) ?? {};
      return bytes === undefined
        ? new Uint8Array(elements(shape) * dtypeBytes[dtype])
        : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
  };
}
