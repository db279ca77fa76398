import type { Diagnostic, FilePlace } from "../../diagnostics/diagnostic.ts";
import { error, warning, withNote } from "../../diagnostics/messages.ts";
import { dtypeBytes, toF32, type WeightDType } from "../dtype.ts";
import { eachPiece, type Pieces } from "../pieces.ts";
import { fromF32, halfTypes } from "./round.ts";
import { underflow } from "./underflow.ts";

/** What rounding to another element type did to one tensor. */
export interface CastReport {
  readonly name: string;
  readonly from: WeightDType;
  readonly to: WeightDType;
  readonly elements: number;
  /** Largest |rounded - value|, and the L2 norm of all such differences over that of the values; finite values only. */
  readonly maxAbs: number;
  readonly relL2: number;
  /** Values that became subnormal, became 0 though they were not, and were beyond the largest. */
  readonly subnormal: number;
  readonly zeroed: number;
  readonly overflowed: number;
}

/** A tensor to be rounded, in the order in which its file has it. */
export interface CastSource {
  readonly name: string;
  readonly dtype: WeightDType;
  /** Where an element lies, for diagnostics. */
  readonly placeOf: (index: number) => FilePlace | null;
}

export interface CastOptions {
  /** Write the largest finite value for those beyond it, instead of refusing. */
  readonly saturate: boolean;
  readonly report: (diagnostic: Diagnostic) => void;
  readonly done: (report: CastReport) => void;
}

/** A value and the first index at which there is one like it, and how many there are. */
interface Sighting {
  readonly index: number;
  readonly value: number;
  readonly total: number;
}

const seen = (before: Sighting | null, index: number, value: number): Sighting =>
  before === null ? { index, value, total: 1 } : { ...before, total: before.total + 1 };

/** What has been seen of a tensor so far. */
interface Tally {
  elements: number;
  maxAbs: number;
  squares: number;
  squaredErrors: number;
  subnormal: number;
  zeroed: number;
  /** Finite values beyond the largest, and values that are not finite. */
  beyond: Sighting | null;
  odd: Sighting | null;
}

/**
 * The bytes of a tensor in another element type, piece by piece, rounded to nearest with ties to even. Says what became
 * of them when the last piece is through. Where a finite value would become infinite, and is not to saturate, it reports
 * the error and ends there: what has come until then is worth nothing.
 */
export async function* cast(
  { name, dtype, placeOf }: CastSource,
  to: WeightDType,
  pieces: Pieces,
  { saturate, report, done }: CastOptions,
): AsyncGenerator<Uint8Array> {
  const tally: Tally = {
    elements: 0,
    maxAbs: 0,
    squares: 0,
    squaredErrors: 0,
    subnormal: 0,
    zeroed: 0,
    beyond: null,
    odd: null,
  };
  for await (const piece of eachPiece(pieces)) {
    const bytes = castPiece(toF32[dtype](piece), to, tally);
    if (tally.beyond !== null && !saturate) {
      report(outOfRange(name, to, tally.beyond, placeOf));
      return;
    }
    yield bytes;
  }
  const { elements, maxAbs, squares, squaredErrors, subnormal, zeroed, beyond, odd } = tally;
  if (odd !== null) report(warning("weights-nonfinite", placeOf(odd.index), name, odd.value, odd.index, odd.total));
  if (beyond !== null)
    report(warning("weights-saturated", placeOf(beyond.index), name, beyond.total, largest[to], beyond.value));
  const lost = underflow(placeOf(0), name, zeroed, elements, to);
  if (lost !== null) report(lost);
  const relL2 = squares === 0 ? 0 : Math.sqrt(squaredErrors / squares);
  done({ name, from: dtype, to, elements, maxAbs, relL2, subnormal, zeroed, overflowed: beyond?.total ?? 0 });
}

/** Rounds one piece and counts; what is beyond the largest becomes the largest. */
function castPiece(values: Float32Array, to: WeightDType, tally: Tally): Uint8Array {
  const bytes = fromF32[to](values);
  const half = to === "F32" ? null : halfTypes[to];
  const bits = half === null ? null : new Uint16Array(bytes.buffer, bytes.byteOffset, values.length);
  const back = toF32[to](bytes);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) {
      tally.odd = seen(tally.odd, tally.elements + i, value);
      continue;
    }
    if (half === null || bits === null) continue;
    const magnitude = (bits[i] as number) & 0x7fff;
    let rounded = back[i] as number;
    if (magnitude > half.largest) {
      tally.beyond = seen(tally.beyond, tally.elements + i, value);
      bits[i] = ((bits[i] as number) & 0x8000) | half.largest;
      rounded = Math.sign(value) * largest[to];
    } else if (magnitude === 0) tally.zeroed += value === 0 ? 0 : 1;
    else if (magnitude < half.normal) tally.subnormal++;
    const off = Math.abs(rounded - value);
    if (off > tally.maxAbs) tally.maxAbs = off;
    tally.squares += value * value;
    tally.squaredErrors += off * off;
  }
  tally.elements += values.length;
  return bytes;
}

/** The largest finite value of a type. */
const largest: Readonly<Record<WeightDType, number>> = {
  F32: (2 - 2 ** -23) * 2 ** 127,
  F16: 65504,
  BF16: (2 - 2 ** -7) * 2 ** 127,
};

function outOfRange(name: string, to: WeightDType, { index, value }: Sighting, placeOf: CastSource["placeOf"]) {
  const problem = error("weights-range", placeOf(index), name, value, index, to, largest[to]);
  return withNote(problem, "pass --saturate to write the largest instead; bf16 has nearly the range of f32");
}

/** Where the elements of a tensor of a file lie. */
export const placesIn =
  (file: string, dataAt: number, dtype: WeightDType) =>
  (index: number): FilePlace => ({ file, offset: dataAt + index * dtypeBytes[dtype] });
