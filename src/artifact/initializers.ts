import type { FilePlace } from "../diagnostics/diagnostic.ts";
import { Failure } from "../diagnostics/failure.ts";
import { quoted } from "../diagnostics/messages/quoted.ts";
import { error } from "../diagnostics/messages.ts";
import type { ByteSource } from "../weights/formats/source.ts";
import { elements } from "../weights/tensor.ts";
import type { Message } from "./onnx-messages.ts";

/** A tensor's bytes in another file, named relative to the model's folder. Nobody has looked yet where that leads. */
export interface External {
  readonly tensor: string;
  readonly location: string;
  readonly offset: number;
  readonly length: number;
  /** Where the model says so. */
  readonly at: number;
}

export interface Initializer {
  readonly name: string;
  readonly shape: readonly number[];
  /** A short list of integers; null for all else. */
  readonly values: readonly number[] | null;
  readonly external: External | null;
}

/** Element types that cnxc stores, by their numbers in onnx.proto, and the bytes of one. */
const elementBytes: Readonly<Record<number, number>> = { 1: 4, 7: 8, 10: 2 };
const int64 = 7;
/** Shapes, axes, pads: no list of them is longer. */
const maxValues = 64;
const maxRank = 8;

/** Checks one initializer; `ignored` hears of keys of external data that mean nothing here. */
export async function readInitializer(
  tensor: Message<"tensor">,
  source: ByteSource,
  ignored: (name: string, keys: readonly string[]) => void,
): Promise<Initializer> {
  const name = tensor.name ?? "";
  const refuse = (why: string): never => {
    throw new Failure(error("onnx-data", place(source, tensor), name, why));
  };
  const { dims: shape, dataType, raw } = tensor;
  const width = elementBytes[dataType ?? 0] ?? refuse(`have type ${dataType ?? 0}, which cnxc does not store`);
  if (shape.length > maxRank) refuse(`have ${shape.length} dimensions, the most is ${maxRank}`);
  const count = elements(shape);
  if (shape.some(length => length < 0) || !Number.isSafeInteger(count)) refuse(`have shape [${shape.join(", ")}]`);
  const needed = count * width;
  if (tensor.location === 1) {
    if (raw !== null) refuse("stand in the file and outside it");
    const external = externalOf(tensor, name, needed, refuse, keys => ignored(name, keys));
    return { name, shape, values: null, external };
  }
  if (tensor.external.length > 0) refuse("are said to be outside the file, but not by data_location");
  if ((raw?.length ?? 0) !== needed)
    refuse(`have ${raw?.length ?? 0} bytes, but shape [${shape.join(", ")}] needs ${needed}`);
  const listed = dataType === int64 && count <= maxValues && raw !== null;
  return { name, shape, values: listed ? longs(await source.read(raw.at, raw.length)) : null, external: null };
}

const place = (source: ByteSource, { at }: Message<"tensor">): FilePlace => ({ file: source.name, offset: at });

function longs(bytes: Uint8Array): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)));
}

/** What external data may say; a path is looked at where there is a file system. */
const externalKeys: readonly string[] = ["location", "offset", "length"];

function externalOf(
  { external, at }: Message<"tensor">,
  tensor: string,
  needed: number,
  refuse: (why: string) => never,
  ignored: (keys: readonly string[]) => void,
): External {
  const entries = external.map(({ key, value }) => [key ?? "", value ?? ""] as const);
  const unknown = entries.filter(([key]) => !externalKeys.includes(key)).map(([key]) => key);
  if (unknown.length > 0) ignored(unknown);
  const given = (wanted: string): string | null => {
    const found = entries.filter(([key]) => key === wanted);
    if (found.length > 1) refuse(`have ${wanted} twice`);
    return found[0]?.[1] ?? null;
  };
  const whole = (key: string, otherwise: number): number => {
    const text = given(key) ?? `${otherwise}`;
    const number = /^\d{1,16}$/.test(text) ? Number(text) : -1;
    return Number.isSafeInteger(number) && number >= 0
      ? number
      : refuse(`have ${key} ${quoted(text)}, expected a whole number from 0`);
  };
  const [offset, length] = [whole("offset", 0), whole("length", needed)];
  if (length !== needed) refuse(`have length ${length}, but their shape needs ${needed} bytes`);
  if (!Number.isSafeInteger(offset + length)) refuse("end beyond 2^53 - 1");
  return { tensor, location: given("location") ?? "", offset, length, at };
}
