import type { FilePlace } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { dtypeBytes, isFileDType } from "../dtype.ts";
import { elements } from "../tensor.ts";
import { maxRank } from "./header.ts";
import type { StridedTensor } from "./pickle-values.ts";
import { type Block, span, type View } from "./views.ts";

/** A tensor of a state dict, and where that names it. */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: StridedTensor;
  readonly place: FilePlace;
}

/** A tensor over its storage's block, with everything checked that PyTorch relies on. Throws a `Failure`. */
export function viewOf({ name, tensor, place }: NamedTensor, block: Block): View {
  const { storage, dtype, dtypeName, shape, strides, offset } = tensor;
  if (dtype === null || !isFileDType(dtype))
    throw new Failure(error("weights-dtype", place, name, dtypeName, Object.keys(dtypeBytes)));
  if (shape.length > maxRank) throw new Failure(error("weights-limit-rank", place, name, maxRank));
  const width = dtypeBytes[dtype];
  const stated = storage.length * (storage.dtype === null ? 1 : dtypeBytes[storage.dtype]);
  if (stated !== block.size) throw new Failure(error("storage-size", place, name, stated, block.size));
  const held = Math.floor(block.size / width);
  // Sizes and strides are below 2^53 each: their products round, but never down to what a storage has.
  const needed = offset + span(shape, strides);
  if (!(needed <= held)) throw new Failure(error("view-range", place, name, shape, held));
  if (elements(shape) > held) throw new Failure(error("view-repeats", place, name, shape, held));
  return { name, dtype, shape, strides, block, offset: offset * width, place };
}
