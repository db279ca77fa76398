import type { Message } from "../messages.ts";
import { quoted } from "./quoted.ts";
import { shape } from "./weights.ts";

/** What can be wrong with what torch.save and numpy.savez write: zip archives, pickles, .npy arrays. */
export const archiveMessages = {
  "weights-not-read": {
    kind: "E_W_FORMAT",
    text: (what: string) => `the file is ${what}, which no weights are read from`,
  },
  "zip-end": {
    kind: "E_W_ZIP",
    text: () => "the zip archive does not end with its end record: it is cut off, or something stands behind it",
  },
  "zip-end-field": { kind: "E_W_ZIP", text: (what: string) => `the end record of the zip archive ${what}` },
  "zip-directory": { kind: "E_W_ZIP", text: (what: string) => `the directory of the zip archive ${what}` },
  "zip-entry": { kind: "E_W_ZIP", text: (name: string, what: string) => `zip entry ${quoted(name)} ${what}` },
  "zip-name": {
    kind: "E_W_ZIP",
    text: (name: string) => `zip entry ${quoted(name)} has a name that torch.save and numpy.savez never write`,
  },
  "zip-twice": { kind: "E_W_ZIP", text: (name: string) => `two zip entries are named ${quoted(name)}` },
  "zip-compressed": {
    kind: "E_W_ZIP",
    text: (name: string, method: number) =>
      `zip entry ${quoted(name)} is compressed (method ${method}); only stored entries are read`,
  },
  "zip-local": {
    kind: "E_W_ZIP",
    text: (name: string, field: string) =>
      `the local header of zip entry ${quoted(name)} and the directory have another ${field}`,
  },
  "zip-overlap": {
    kind: "E_W_ZIP",
    text: (name: string) => `zip entry ${quoted(name)} reaches into what stands behind it`,
  },
  "zip-gap": {
    kind: "E_W_ZIP",
    text: (bytes: number) => `${bytes} byte${bytes === 1 ? "" : "s"} of the zip archive belong to no entry`,
  },
  "zip-checksum": {
    kind: "E_W_ZIP",
    text: (name: string) => `the bytes of zip entry ${quoted(name)} do not have the checksum that the archive states`,
  },
  "zip-limit-entries": { kind: "E_W_LIMIT", text: (most: number) => `the zip archive has more than ${most} entries` },
  "zip-limit-directory": {
    kind: "E_W_LIMIT",
    text: (most: number) => `the directory of the zip archive has more than ${most} bytes`,
  },
  "zip-no-data": {
    kind: "E_W_ZIP",
    text: () => "the zip archive has neither the data.pkl of torch.save nor the .npy arrays of numpy.savez",
  },
  "zip-roots": {
    kind: "E_W_ZIP",
    text: (first: string, second: string) =>
      `${quoted(first)} and ${quoted(second)} do not lie in one folder, as in a file of torch.save`,
  },
  "zip-no-record": {
    kind: "E_W_ZIP",
    text: (name: string, key: string) => `the data of tensor ${quoted(name)}, record ${quoted(key)}, are not there`,
  },
  "pickle-end": { kind: "E_W_PICKLE", text: () => "the pickle ends in the middle" },
  "pickle-after": {
    kind: "E_W_PICKLE",
    text: (bytes: number) => `${bytes} byte${bytes === 1 ? "" : "s"} stand behind the end of the pickle`,
  },
  "pickle-opcode": {
    kind: "E_W_PICKLE",
    text: (code: number) =>
      `the pickle has the opcode 0x${code.toString(16).padStart(2, "0")}, which torch.save does not write`,
  },
  "pickle-protocol": { kind: "E_W_PICKLE", text: (n: number) => `the pickle has protocol ${n}, not 2 to 5` },
  "pickle-global": {
    kind: "E_W_PICKLE",
    text: (name: string) => `the pickle asks for ${quoted(name)}, which is not data, and is never run`,
  },
  "pickle-stack": {
    kind: "E_W_PICKLE",
    text: (opcode: string, needed: string) => `${opcode} in the pickle does not find ${needed}`,
  },
  "pickle-arguments": {
    kind: "E_W_PICKLE",
    text: (name: string) => `${name} in the pickle has arguments that torch.save does not write`,
  },
  "pickle-build": {
    kind: "E_W_PICKLE",
    text: (what: string) => `BUILD in the pickle ${what}`,
  },
  "pickle-memo": { kind: "E_W_PICKLE", text: (slot: number) => `slot ${slot} of the pickle's memo is not there` },
  "pickle-frame": { kind: "E_W_PICKLE", text: () => "a frame of the pickle ends in the middle of an opcode" },
  "pickle-integer": {
    kind: "E_W_PICKLE",
    text: (bytes: number, most: number) => `an integer in the pickle has ${bytes} bytes, the most is ${most}`,
  },
  "pickle-text": { kind: "E_W_PICKLE", text: () => "a text in the pickle is not valid UTF-8" },
  "pickle-storage": {
    kind: "E_W_PICKLE",
    text: () => "a persistent id in the pickle is not that of a storage, as torch.save writes it",
  },
  "pickle-storage-twice": {
    kind: "E_W_PICKLE",
    text: (key: string) => `the pickle gives storage ${quoted(key)} two sizes or two types`,
  },
  "pickle-legacy": {
    kind: "E_W_PICKLE",
    text: (what: string) => `the file is not as torch.save wrote it before version 1.6: ${what}`,
  },
  "pickle-limit": {
    kind: "E_W_LIMIT",
    text: (most: number, what: string) => `the pickle has more than ${most} ${what}`,
  },
  "pickle-dtype": {
    kind: "E_W_DTYPE",
    text: (what: string) => `the pickle holds ${what}, which is no plain array of numbers`,
  },
  "state-none": {
    kind: "E_W_PICKLE",
    text: (names: readonly string[]) =>
      `no dictionary of tensors is at the top of the file, nor under ${names.map(quoted).join(", ")}`,
  },
  "state-no-key": {
    kind: "E_W_MISSING",
    text: (key: string, nearest: string | null) =>
      `no dictionary of tensors is under ${quoted(key)}${nearest === null ? "" : `, did you mean ${quoted(nearest)}?`}`,
  },
  "state-key": { kind: "E_W_DUPKEY", text: () => "a name in the dictionary of tensors is not text" },
  "state-key-twice": {
    kind: "E_W_DUPKEY",
    text: (name: string) => `the name ${quoted(name)} stands twice in one dictionary`,
  },
  "state-ignored": {
    kind: "W_W",
    text: (under: string | null, names: readonly string[], more: number) => {
      const all = `${names.map(quoted).join(", ")}${more === 0 ? "" : ` and ${more} more`}`;
      return `${all} beside the weights${under === null ? "" : ` under ${quoted(under)}`} ${names.length === 1 ? "is" : "are"} not read`;
    },
  },
  "storage-size": {
    kind: "E_W_SIZE",
    text: (name: string, needed: number | bigint, found: number) =>
      `the storage of tensor ${quoted(name)} needs ${needed} bytes but has ${found}`,
  },
  "view-range": {
    kind: "E_W_OFFSET",
    text: (name: string, sizes: readonly number[], elements: number) =>
      `tensor ${quoted(name)} ${shape(sizes)} reaches past the ${elements} elements of its storage`,
  },
  "view-repeats": {
    kind: "E_W_LIMIT",
    text: (name: string, sizes: readonly number[], elements: number) =>
      `tensor ${quoted(name)} ${shape(sizes)} repeats the ${elements} elements of its storage`,
  },
  "npy-header": {
    kind: "E_W_HEADER",
    text: (name: string, expected: string) => `the header of array ${quoted(name)} is broken: expected ${expected}`,
  },
  "npy-dtype": {
    kind: "E_W_DTYPE",
    text: (name: string, found: string) => `array ${quoted(name)} has elements of type ${quoted(found)}`,
  },
  "npy-size": {
    kind: "E_W_SIZE",
    text: (name: string, sizes: readonly number[], needed: bigint, found: number) =>
      `array ${quoted(name)} ${shape(sizes)} needs ${needed} bytes but has ${found}`,
  },
  "npz-large": {
    kind: "E_USAGE",
    text: () => "the outputs are more than the 4 GiB that an .npz of cnxc holds; give a name that ends in .safetensors",
  },
} as const satisfies Record<string, Message>;
