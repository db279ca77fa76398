import { elements } from "../../src/weights/tensor.ts";
import { npy, npyHeader } from "../support/pickle-writer.ts";
import { type Part, zip } from "../support/zip-writer.ts";
import { badZip, dtype, filled, format, header, limit, type PickleRow, row, size } from "./pickle-build.ts";
import { corpusParams } from "./safetensors.ts";
import { encode } from "./safetensors-build.ts";

type Make = (shape: readonly number[]) => Uint8Array;
const model = (make: Make, more: readonly Part[] = []): Uint8Array =>
  zip([...corpusParams.map(({ name, shape }) => ({ name: `${name}.npy`, data: make(shape) })), ...more]);
const floats: Make = shape => npy(npyHeader("<f4", shape), filled(elements(shape)));
const one = (array: Uint8Array): Uint8Array => zip([{ name: "w.npy", data: array }]);
/** An array of 4 floats with that header. */
const headed = (text: string): Uint8Array => one(npy(text, new Uint8Array(16)));
const sized = (array: Uint8Array): Part => ({
  name: "w.npy",
  data: array,
  local: { packed: 0xffffffff, size: 0xffffffff, extra: Uint8Array.of(1, 0, 16, 0, ...[0, 1].flatMap(() => [array.length & 255, array.length >> 8, 0, 0, 0, 0, 0, 0])) },
});

/** Archives of numpy.savez, which the list of bad inputs does not have. */
export const npzRows: readonly PickleRow[] = [
  row("Z01-savez", "what numpy.savez writes", () => model(floats), null),
  row("Z01-version-2", "version 2 of the format", () => model(shape => npy(npyHeader("<f4", shape), filled(elements(shape)), [2, 0])), null),
  row("Z01-version-3", "version 3 of the format", () => model(shape => npy(npyHeader("<f4", shape), filled(elements(shape)), [3, 0])), null),
  row("Z01-fortran", "in Fortran's order", () => model(shape => npy(npyHeader("<f4", shape, true), filled(elements(shape)))), null),
  row("Z01-f2", "16-bit floats", () => model(shape => npy(npyHeader("<f2", shape), filled(elements(shape), [0, 0x38]))), null),
  row("Z01-zip64", "sizes in zip64 fields only, as newer versions of Python write", () => zip([sized(floats([4]))]), null, { bound: { kind: "E_W_MISSING", code: "weights-unknown-names" } }),
  row("Z01-long-header", "a header longer than the first read", () => one(npy(`${npyHeader("<f4", [4])}${" ".repeat(2000)}`, new Uint8Array(16))), null, { bound: { kind: "E_W_MISSING", code: "weights-unknown-names" } }),
  row("Z02-f8", "float64 where a float32 is due", () => model(shape => npy(npyHeader("<f8", shape), filled(elements(shape), [0, 0, 0, 0, 0, 0, 0xe0, 0x3f]))), null, { bound: dtype("weights-dtype") }),
  row("Z02-object", "an array of objects, which is a pickle", () => one(npy(npyHeader("|O", [4]), new Uint8Array(64))), dtype("npy-dtype")),
  ...[">f4", "<f1", "|V2", "<c8", "<U4", "|S4", "<M8", "=f4", "<f16"].map((descr, k) =>
    row(`Z02-descr-${k}`, `elements of ${descr}`, () => one(npy(npyHeader(descr, [4]), new Uint8Array(16))), dtype("npy-dtype"), { says: "astype" }),
  ),
  row("Z03-compressed", "what numpy.savez_compressed writes", () => zip([{ name: "w.npy", data: floats([4]), local: { method: 8 }, row: { method: 8 } }]), badZip("zip-compressed"), { says: "numpy.savez does not" }),
  row("Z03-other", "an array and a text", () => zip([{ name: "w.npy", data: floats([4]) }, { name: "readme.txt", data: encode("x") }]), badZip("zip-no-data")),
  row("Z03-npy", "an array without an archive", () => floats([4]), format("weights-format"), { says: "numpy.savez" }),
  ...[
    "", "{}", "[]", "{'descr': '<f4'}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'descr': '<f8', }",
    "{'descr': '<f4', 'fortran_order': 0, 'shape': (4,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': 4, }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (4), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-4,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (4, , ), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'more': 1, }",
    "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }",
    "{'descr': __import__('os'), 'fortran_order': False, 'shape': (4,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), } # more",
    "{'descr': True, 'fortran_order': '<f4', 'shape': (4,), }",
  ].map((text, k) => row(`Z04-header-${k}`, `a header of ${JSON.stringify(text)}`, () => headed(text), header("npy-header"))),
  row("Z04-magic", "an entry that is no array", () => one(encode("hello, world")), header("npy-header")),
  row("Z04-empty", "an entry of no bytes", () => one(new Uint8Array()), header("npy-header")),
  row("Z04-version", "version 4", () => one(npy(npyHeader("<f4", [4]), new Uint8Array(16), [4, 0])), header("npy-header")),
  row("Z04-length", "a header of 4 GB", () => one(Uint8Array.of(0x93, ...encode("NUMPY"), 2, 0, 255, 255, 255, 255, 32)), header("npy-header")),
  row("Z04-long", "a header above the limit", () => one(npy(`${npyHeader("<f4", [4])}${" ".repeat(70_000)}`, new Uint8Array(16), [2, 0])), header("npy-header")),
  row("Z05-short", "too few data", () => one(npy(npyHeader("<f4", [4]), new Uint8Array(15))), size("npy-size")),
  row("Z05-long", "too many data", () => one(npy(npyHeader("<f4", [4]), new Uint8Array(17))), size("npy-size")),
  row("Z05-wraps", "sizes whose product wraps to 0 in 64 bits", () => one(npy(npyHeader("<f4", [2 ** 32, 2 ** 32]), new Uint8Array())), size("npy-size")),
  row("Z05-2-53", "a size above 2^53", () => headed("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999999,), }"), size("weights-shape-range")),
  row("Z05-rank", "nine dimensions", () => one(npy(npyHeader("<f4", [1, 1, 1, 1, 1, 1, 1, 1, 4]), new Uint8Array(16))), limit("weights-limit-rank")),
];
