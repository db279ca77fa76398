import { createHash } from "node:crypto";
import type { Diagnostic, Result } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { dtypeBytes } from "../../weights/dtype.ts";
import { pieceBytes } from "../../weights/pieces.ts";
import { elements, type TensorFile } from "../../weights/tensor.ts";
import type { RunTensor } from "./tensors.ts";

/** SHA-256 of tensors of a file, by their names, types, shapes and bytes, whatever kind of file it is. Reads them all. */
export async function contentHash(file: TensorFile, names: Iterable<string>): Promise<string> {
  const hash = createHash("sha256");
  for (const name of names) {
    const { dtype = "U8", shape = [], dataAt = null } = file.tensors.get(name) ?? {};
    hash.update(`${name} ${dtype} ${shape.join(" ")}\n`);
    const size = elements(shape) * dtypeBytes[dtype];
    const inParts = dataAt !== null && file.range !== undefined;
    if (!inParts) hash.update(await file.bytes(name));
    for (let at = 0; inParts && at < size; at += pieceBytes)
      hash.update((await file.range?.(name, at, Math.min(pieceBytes, size - at))) ?? "");
  }
  return hash.digest("hex");
}

type Micro = Result<ReadonlyMap<string, RunTensor>>;

export interface HashedSteps {
  read(step: number, micro: number): Promise<Micro>;
  /** SHA-256 of all that so many steps read. Where they have been read in order it is known already. */
  sha256(steps: number): Promise<string>;
}

/** Reads micro-batches and keeps the hash of those of whole steps from the first on. */
export function hashedSteps(accumulate: number, read: (step: number, micro: number) => Promise<Micro>): HashedSteps {
  let [hash, micros] = [createHash("sha256"), 0];
  let whole = { steps: 0, sha256: hash.copy().digest("hex") };
  const readNext = async (step: number, micro: number): Promise<Micro> => {
    const inputs = await read(step, micro);
    if (!inputs.ok || step * accumulate + micro !== micros) return inputs;
    for (const [name, { data }] of inputs.value)
      hash.update(`${name}\n`).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    micros++;
    if (micros % accumulate === 0) whole = { steps: micros / accumulate, sha256: hash.copy().digest("hex") };
    return inputs;
  };
  return {
    read: readNext,
    async sha256(steps) {
      if (whole.steps > steps) {
        [hash, micros] = [createHash("sha256"), 0];
        whole = { steps: 0, sha256: hash.copy().digest("hex") };
      }
      while (whole.steps < steps) {
        const inputs = await readNext(Math.floor(micros / accumulate), micros % accumulate);
        if (!inputs.ok) throw new Failure(inputs.diagnostics[0] as Diagnostic);
      }
      return whole.sha256;
    },
  };
}
