import type { Diagnostic, FilePlace } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { error, warning, withNote } from "../../diagnostics/messages.ts";
import { dtypeBytes, isFileDType } from "../dtype.ts";
import { elements } from "../tensor.ts";
import { maxRank, maxTensors } from "./header.ts";
import { type Dict, isType, type StridedTensor, type Value } from "./pickle-values.ts";
import { type Block, span, type View } from "./views.ts";

/** Where training scripts keep the weights in what they save, in the order of preference. */
const usualKeys = ["model", "state_dict", "model_state_dict", "module", "model_ema", "state_dict_ema", "ema"] as const;
/** Names listed in one sentence. */
const maxNamed = 5;

export interface NamedTensor {
  readonly name: string;
  readonly tensor: StridedTensor;
  readonly place: FilePlace;
}

export interface StateDict {
  readonly tensors: readonly NamedTensor[];
  /** A warning that names what lies beside the weights. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The weights in what torch.save saved: the dictionary itself if one of its values is a tensor, else the first of
 * `usualKeys` under which there is such a dictionary. Everything else is left where it is, with one warning. Names
 * stay as they are, prefixes too. Throws a `Failure`.
 */
export function findStateDict(file: string, saved: Value): StateDict {
  const place: FilePlace = { file, offset: null };
  const top = isType(saved, "dict") ? byName(file, saved) : null;
  if (isType(saved, "dict") && holdsTensors(saved)) return stateOf(file, saved, null, []);
  for (const under of usualKeys) {
    const found = top?.get(under);
    if (top === null || !isType(found, "dict") || !holdsTensors(found)) continue;
    return stateOf(
      file,
      found,
      under,
      [...top.keys()].filter(key => key !== under),
    );
  }
  const hint = "save the weights alone: torch.save(model.state_dict(), …)";
  throw new Failure(withNote(error("state-none", place, usualKeys), hint));
}

const holdsTensors = ({ entries }: Dict): boolean => entries.some(({ value }) => isType(value, "tensor"));

/** What stands under names in a dictionary; one that stands twice is refused. */
function byName(file: string, { entries }: Dict): ReadonlyMap<string, Value> {
  const found = new Map<string, Value>();
  for (const { key, value, at } of entries) {
    if (typeof key !== "string") continue;
    if (found.has(key)) throw new Failure(error("state-key-twice", { file, offset: at }, key));
    found.set(key, value);
  }
  return found;
}

function stateOf(file: string, dict: Dict, under: string | null, beside: readonly string[]): StateDict {
  byName(file, dict);
  const tensors: NamedTensor[] = [];
  const ignored: string[] = [...beside];
  for (const { key, value, at } of dict.entries) {
    const place = { file, offset: at };
    if (typeof key !== "string") throw new Failure(error("state-key", place));
    if (!isType(value, "tensor")) ignored.push(key);
    else if (tensors.length === maxTensors) throw new Failure(error("weights-limit-tensors", place, maxTensors));
    else tensors.push({ name: key, tensor: value, place });
  }
  const named = ignored.slice(0, maxNamed);
  const place = { file, offset: null };
  const told =
    ignored.length === 0 ? [] : [warning("state-ignored", place, under, named, Math.max(0, ignored.length - maxNamed))];
  return { tensors, diagnostics: told };
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
