import { createHash } from "node:crypto";
import { eachPiece } from "../../weights/pieces.ts";
import { piecesOf, type TensorFile } from "../../weights/tensor.ts";

/** SHA-256 of tensors of a file, by their names, types, shapes and bytes, whatever kind of file it is. Reads them all. */
export async function contentHash(file: TensorFile, names: Iterable<string>): Promise<string> {
  const hash = createHash("sha256");
  for (const name of names) {
    const { dtype, shape } = file.tensors.get(name) ?? { dtype: "none", shape: [] };
    hash.update(`${name} ${dtype} ${shape.join(" ")}\n`);
    for await (const piece of eachPiece(await piecesOf(file, name))) hash.update(piece);
  }
  return hash.digest("hex");
}
