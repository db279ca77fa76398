import { type Part, zip } from "../support/zip-writer.ts";
import { pickle, dict } from "../support/pickle-writer.ts";
import {
  badZip,
  format,
  limit,
  modelPickle,
  modelRecords,
  modelZip,
  type PickleRow,
  raw,
  row,
  w,
} from "./pickle-build.ts";
import { encode, join } from "./safetensors-build.ts";

const part = (name: string, data: Uint8Array | string = "x", more: Partial<Part> = {}): Part => ({
  name,
  data: typeof data === "string" ? encode(data) : data,
  ...more,
});
const more = (...parts: readonly Part[]): Uint8Array => modelZip({ more: parts });
const changed = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
};
const elf = join([0x7f], "ELF", [2, 1, 1], new Uint8Array(57));
const tar = (): Uint8Array => {
  const bytes = new Uint8Array(10_240);
  bytes.set(encode("sys_info"), 0);
  bytes.set(encode("ustar  "), 257);
  return bytes;
};
/** Rows of the directory that all name the same few bytes, as in the bomb of one kernel and many entries. */
const overlapping = (): Uint8Array => {
  const kernel = new Uint8Array(40_000);
  const entries = Array.from({ length: 5000 }, (_, k) => part(`archive/data/${k}`, kernel, k > 0 ? { sameAs: 0 } : {}));
  return zip(entries);
};
const nested = (): Uint8Array => {
  let bytes: Uint8Array = new Uint8Array(1000);
  for (let k = 0; k < 5; k++)
    bytes = zip(Array.from({ length: 16 }, (_, n) => part(`lib ${n}.zip`, n === 0 ? bytes : "x")));
  return bytes;
};

/** Archives that are broken as archives, and archives of something else. */
export const zipRows: readonly PickleRow[] = [
  row("P04-empty", "no bytes", () => new Uint8Array(), format("weights-empty")),
  row(
    "P04-random",
    "bytes without meaning",
    () => Uint8Array.from({ length: 5000 }, (_, k) => (k * k * 167 + 91 * k + 200) & 255).fill(0xc7, 7, 9),
    format("weights-unknown-format"),
  ),
  row("P05-tar", "a tar archive", tar, format("weights-not-read"), { says: "convert to safetensors" }),
  row("P06-torchscript", "TorchScript", () => more(part("archive/code/__torch__.py"), part("archive/constants.pkl")), format("weights-not-read"), { says: "TorchScript" }),
  row("P06-constants", "TorchScript without code", () => more(part("archive/constants.pkl")), format("weights-not-read")),
  row("P06-mar", "an archive for TorchServe, deflated", () => zip([part("MAR-INF/MANIFEST.json", "{}", { local: { method: 8 }, row: { method: 8 } }), part("model.pt", "x")]), format("weights-not-read")),
  row("P06-pt2", "an exported program", () => zip([part("p/archive_format", "pt2"), part("p/models/model.json", "{}"), part("p/data/weights/w", "x")]), format("weights-not-read")),
  row("P06-pt2-old", "an exported program as first written", () => zip([part("serialized_exported_program.json", "{}"), part("version", "1")]), format("weights-not-read")),
  row("P08-no-pickle", "records without a pickle", () => zip([part("archive/data/0"), part("archive/version", "3")]), badZip("zip-no-data")),
  row("P08-no-entries", "no entries at all", () => zip([]), badZip("zip-no-data")),
  row("P08-other-files", "a zip of documents", () => zip([part("word/document.xml", "<w/>")]), badZip("zip-no-data")),
  row("P08-in-no-folder", "a pickle that lies in no folder", () => zip([part("data.pkl", modelPickle)]), badZip("zip-no-data")),
  row("P09-twice", "two entries of one name", () => more(part("archive/data/0")), badZip("zip-twice")),
  row("P09-pickle-twice", "two pickles of one name", () => more(part("archive/data.pkl", modelPickle)), badZip("zip-twice")),
  row("P09-two-roots", "two folders with a pickle", () => more(part("other/data.pkl", modelPickle)), badZip("zip-roots")),
  row("P09-nested-root", "a pickle in a folder of the folder", () => more(part("archive/a/data.pkl", modelPickle)), badZip("zip-roots")),
  row("P09-stray", "an entry outside the folder", () => more(part("other/x")), badZip("zip-roots")),
  row("P10-local-name", "another name in the local header", () => more(part("archive/x", "x", { local: { name: "archive/y" } })), badZip("zip-local"), { says: "name" }),
  row("P10-local-name-long", "a longer name in the local header", () => more(part("archive/x", "x", { local: { name: "archive/xx" } })), badZip("zip-local")),
  row("P10-local-size", "another size in the local header", () => more(part("archive/x", "xyz", { local: { size: 2 } })), badZip("zip-local"), { says: "size" }),
  row("P10-local-packed", "another packed size in the local header", () => more(part("archive/x", "xyz", { local: { packed: 4 } })), badZip("zip-local")),
  row("P10-local-method", "another method in the local header", () => more(part("archive/x", "x", { local: { method: 8 } })), badZip("zip-local"), { says: "method" }),
  row("P10-local-flags", "encrypted by the local header only", () => more(part("archive/x", "x", { local: { flags: 0x0801 } })), badZip("zip-local")),
  row("P10-local-crc", "another checksum in the local header", () => more(part("archive/x", "x", { local: { crc: 1 } })), badZip("zip-local")),
  row("P10-size-not-later", "sizes of 0 in front and none behind", () => more(part("archive/x", "x", { local: { size: 0, packed: 0 } })), badZip("zip-local")),
  row("P10-descriptor-crc", "another checksum behind the data", () => more(part("archive/x", "x", { descriptor: true, behind: { crc: 1 } })), badZip("zip-local")),
  row("P10-descriptor-size", "another size behind the data", () => more(part("archive/x", "x", { descriptor: true, behind: { size: 2 } })), badZip("zip-local")),
  row("P10-zip64-size", "another size in the zip64 field", () => more(part("archive/x", "x", { local: { extra: join([1, 0, 16, 0], [9, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]) } })), badZip("zip-local")),
  row("P10-extra-cut", "an extra field that is cut", () => more(part("archive/x", "x", { local: { extra: Uint8Array.of(1, 0, 16, 0, 9) } })), badZip("zip-entry")),
  row("P10-row-extra-cut", "an extra field that is cut, in the directory", () => more(part("archive/x", "x", { row: { extra: Uint8Array.of(1, 0, 16, 0, 9) } })), badZip("zip-entry")),
  row("P10-row-zip64-lacking", "a size that should stand in a zip64 field", () => more(part("archive/x", "x", { row: { size: 0xffffffff } })), badZip("zip-entry")),
  row("P10-row-zip64-spare", "a zip64 field for nothing", () => more(part("archive/x", "x", { row: { extra: Uint8Array.of(1, 0, 8, 0, 9, 0, 0, 0, 0, 0, 0, 0) } })), badZip("zip-entry")),
  row("P10-encrypted", "an encrypted entry", () => more(part("archive/x", "x", { local: { flags: 0x0801 }, row: { flags: 0x0801 } })), badZip("zip-entry")),
  row("P10-no-local", "an offset at which no header is", () => zip([part("a/data.pkl", modelPickle, { row: { at: 1 } })]), badZip("zip-gap")),
  row("P10-offset-outside", "an offset outside the file", () => zip([part("a/data.pkl", modelPickle, { row: { at: 0x7fffffff } })]), badZip("zip-overlap")),
  row("P12-pickle", "a byte of the pickle changed", () => changed(modelZip(), 60 + modelPickle.length - 40, 0x5a), badZip("zip-checksum")),
  row("P12-none", "no checksum", () => zip([part("archive/data.pkl", modelPickle, { local: { crc: 0 }, row: { crc: 0 } })]), badZip("zip-checksum"), { says: "set_crc32_options" }),
  row("P13-deflated", "a deflated entry", () => more(part("archive/x", "x", { local: { method: 8 }, row: { method: 8 } })), badZip("zip-compressed"), { says: "save it again" }),
  row("P13-packed", "stored, in another size", () => more(part("archive/x", "xyz", { local: { packed: 2 }, row: { packed: 2 } })), badZip("zip-entry")),
  row("P14-overlap", "5,000 entries over the same 40 kB", overlapping, badZip("zip-no-data")),
  row("P14-overlap-torch", "the same with a pickle", () => zip([part("archive/data.pkl", modelPickle), part("archive/x", new Uint8Array(100)), part("archive/y", new Uint8Array(100), { sameAs: 1 })]), badZip("zip-overlap")),
  row("P14-inside", "an entry inside the data of another", () => zip([part("archive/data.pkl", modelPickle, { row: { size: modelPickle.length + 100, packed: modelPickle.length + 100 }, local: { size: modelPickle.length + 100, packed: modelPickle.length + 100 } }), part("archive/x")]), badZip("zip-overlap")),
  row("P14-nested", "zips in zips", nested, badZip("zip-no-data")),
  row("P14-size-lie", "a size of 4 GB", () => more(part("archive/x", "x", { row: { size: 0xfffffffe, packed: 0xfffffffe } })), badZip("zip-overlap")),
  row("P16-elf-in-front", "a program in front, offsets as if it were not there", () => join(elf, modelZip()), badZip("zip-end-field")),
  row("P16-elf-in-front-right", "a program in front, offsets with it", () => modelZip({ before: elf }), badZip("zip-gap")),
  row("P16-mz-in-front", "a Windows program in front", () => modelZip({ before: join("MZ", [0x90, 0, 3, 0, 0, 0], new Uint8Array(56)), zip64: false }), badZip("zip-gap")),
  row("P16-behind", "bytes behind the end record", () => modelZip({ after: encode("x") }), badZip("zip-end")),
  row("P16-comment", "a comment", () => modelZip({ comment: encode("hello") }), badZip("zip-end")),
  row("P16-second-zip", "a second archive behind the first", () => join(modelZip(), modelZip()), badZip("zip-end-field")),
  row("P16-between", "bytes between directory and end record", () => modelZip({ between: new Uint8Array(16) }), badZip("zip-end-field")),
  row("P16-gap", "bytes between two entries", () => zip([part("archive/data.pkl", join(modelPickle, "abc"), { row: { size: modelPickle.length, packed: modelPickle.length }, local: { size: modelPickle.length, packed: modelPickle.length } })]), badZip("zip-gap")),
  row("P16-cut", "the second half cut off", () => modelZip().subarray(0, 2000), badZip("zip-end"), { says: "cut short" }),
  row("P16-only-end", "an end record that names what is not there", () => zip([], { end: { count: 3, here: 3 } }), badZip("zip-directory")),
  row("P16-disks", "one of several disks", () => modelZip({ end: { disk: 1 }, zip64: false }), badZip("zip-end-field")),
  row("P16-count", "one entry fewer in the end record", () => modelZip({ end: { count: 2, here: 2 }, zip64: false }), badZip("zip-directory")),
  row("P16-counts", "two numbers of entries", () => modelZip({ end: { here: 2 }, zip64: false }), badZip("zip-end-field")),
  row("P16-zip64-other", "a zip64 record that disagrees", () => modelZip({ end64: { count: 2 } }), badZip("zip-end-field")),
  row("P16-zip64-place", "a zip64 record elsewhere", () => modelZip({ end64: { record: 0 } }), badZip("zip-end-field")),
  row("P16-zip64-huge", "a zip64 record beyond 2^53", () => modelZip({ end: { size: 0xffffffff }, end64: { size: 2 ** 60 } }), limit("zip-limit-directory")),
  ...["../../x", "/abs", "C:\\x", "C:x", "archive/../../x", "archive//x", "archive/./x", "archive/", "", "a\0b", "\u001b[2J"].map((name, k) =>
    row(`P17-name-${k}`, `an entry named ${JSON.stringify(name)}`, () => more(part(name)), badZip("zip-name")),
  ),
  row("P17-not-utf8", "a name that is not UTF-8", () => {
    const bytes = more(part("archive/~~")).slice();
    for (let k = 0; k < bytes.length; k++) if (bytes[k] === 0x7e) bytes[k] = 0xff;
    return bytes;
  }, badZip("zip-directory")),
  row("P18-entries", "65,537 entries", () => zip([part("a/data.pkl", modelPickle), ...Array.from({ length: 65_536 }, (_, k) => part(`a/data/${k}`, "x"))], { zip64: true }), limit("zip-limit-entries")),
  row("P18-directory", "a directory of 33 MiB", () => zip(Array.from({ length: 530 }, (_, k) => part(`a/${k}`, "x", { row: { extra: join([0xfe, 0xca, 0xfb, 0xff], new Uint8Array(65_531)) } }))), limit("zip-limit-directory")),
  row("P20-byteorder", "big-endian records", () => more(part("archive/byteorder", "big")), format("weights-not-read")),
  row("P25-no-record", "a storage without a record", () => {
    const { 3: _, ...records } = modelRecords();
    return zip([part("archive/data.pkl", modelPickle), ...Object.entries(records).map(([key, bytes]) => part(`archive/data/${key}`, bytes))]);
  }, badZip("zip-no-record")),
  row("P37-after-stop", "bytes behind STOP", () => raw(join(pickle(dict(["w", w])), [0])), { kind: "E_W_PICKLE", code: "pickle-after" }),
];
