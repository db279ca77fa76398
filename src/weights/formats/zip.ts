import type { FilePlace } from "../../diagnostics/diagnostic.ts";
import { Failure } from "../../diagnostics/failure.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import { decodeUtf8, readRanges, u16, u32, u64 } from "./bytes.ts";
import type { ByteSource } from "./source.ts";

/**
 * Zip archives as torch.save and numpy.savez write them, after PKWARE's APPNOTE 6.3.10, and no others: entries are
 * stored, they fill the file from its first byte to the directory without a gap, and what the file says twice it says
 * alike. So no two readers can see two different archives, and nothing is ever inflated or extracted.
 */

/** An entry as the directory at the archive's end states it. */
export interface DirectoryEntry {
  readonly name: string;
  /** File offset of the directory's row, for diagnostics. */
  readonly row: number;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  /** File offset of its local header. */
  readonly at: number;
}

export interface Directory {
  /** In the order of the file's bytes. */
  readonly entries: readonly DirectoryEntry[];
  /** File offset of the directory, where the entries must end. */
  readonly at: number;
}

/** An entry whose local header has been checked. */
export interface ZipEntry {
  readonly name: string;
  /** File offset of its first data byte. */
  readonly at: number;
  /** In bytes. */
  readonly size: number;
  readonly crc: number;
}

export const maxEntries = 65_536;
const maxDirectory = 32 << 20;

const signature = { local: 0x04034b50, row: 0x02014b50, end: 0x06054b50, end64: 0x06064b50, locator: 0x07064b50 };
const descriptorSignature = 0x08074b50;
const endSize = 22;
const end64Size = 56;
const locatorSize = 20;
const rowSize = 46;
const localSize = 30;
/** A size, checksum or offset of 32 bits that stands in the zip64 field instead. */
const elsewhere = 0xffffffff;
const zip64Tag = 1;

/** Bit 3: sizes and checksum stand behind the data too. Bit 11: the name is UTF-8. */
const descriptorFlag = 1 << 3;
const knownFlags = descriptorFlag | (1 << 11);

/** Whether a file ends as a zip archive does, whatever it begins with. `tail` is its last 22 bytes. */
export const isZipEnd = (tail: Uint8Array): boolean =>
  tail.length === endSize && u32(tail, 0) === signature.end && u16(tail, 20) === 0;

/** The directory, checked by itself. Throws a `Failure`. */
export async function readDirectory(source: ByteSource): Promise<Directory> {
  const { count, size, at } = await readEnd(source);
  const bytes = await source.read(at, size);
  const entries: DirectoryEntry[] = [];
  const names = new Set<string>();
  let row = 0;
  for (let k = 0; k < count; k++) {
    const place = placeIn(source, at + row);
    if (row + rowSize > size || u32(bytes, row) !== signature.row)
      throw new Failure(error("zip-directory", place, `ends after ${k} of ${count} entries`));
    const [nameLength, extraLength] = [u16(bytes, row + 28), u16(bytes, row + 30)];
    const end = row + rowSize + nameLength + extraLength;
    if (end > size) throw new Failure(error("zip-directory", place, "ends inside an entry"));
    const name = decodeUtf8(bytes.subarray(row + rowSize, row + rowSize + nameLength));
    if (name === null) throw new Failure(error("zip-directory", place, "has a name that is not UTF-8"));
    if (!isPlainName(name)) throw new Failure(error("zip-name", place, name));
    if (names.has(name)) throw new Failure(error("zip-twice", place, name));
    names.add(name);
    entries.push(readRow(source, bytes.subarray(row, end), name, at + row));
    row = end;
  }
  if (row !== size)
    throw new Failure(error("zip-directory", placeIn(source, at + row), `has ${size - row} bytes after its entries`));
  return { entries: entries.sort((a, b) => a.at - b.at), at };
}

/** No name that means another place than below the archive, on any system. */
const isPlainName = (name: string): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  name.length <= 1024 && !/[\\:\u0000-\u001f]/.test(name) && !name.split("/").some(part => /^\.{0,2}$/.test(part));

const placeIn = ({ name, size }: ByteSource, offset: number): FilePlace => ({
  file: name,
  offset: Math.min(offset, Math.max(0, size - 1)),
});

/** Where the directory lies, and how many entries it has. */
async function readEnd(source: ByteSource): Promise<{ count: number; size: number; at: number }> {
  const endAt = source.size - endSize;
  const place = placeIn(source, Math.max(0, endAt));
  const wrong = (what: string) => new Failure(error("zip-end-field", place, what));
  const end = endAt < 0 ? new Uint8Array() : await source.read(endAt, endSize);
  if (!isZipEnd(end))
    throw new Failure(withNote(error("zip-end", place), "a download that was cut short looks like this"));
  const from64 = endAt >= end64Size + locatorSize ? await source.read(endAt - locatorSize, locatorSize) : null;
  const is64 = from64 !== null && u32(from64, 0) === signature.locator;
  const record = is64 ? await readEnd64(source, from64, endAt - locatorSize - end64Size, wrong) : null;
  const agree = (narrow: number, ones: number, wide: number | undefined): number => {
    if (wide === undefined || narrow === wide) return narrow;
    if (narrow !== ones) throw wrong("and its zip64 form disagree");
    return wide;
  };
  if (u16(end, 4) !== 0 || u16(end, 6) !== 0) throw wrong("speaks of several disks");
  const here = agree(u16(end, 8), 0xffff, record?.here);
  const count = agree(u16(end, 10), 0xffff, record?.count);
  const size = agree(u32(end, 12), elsewhere, record?.size);
  const at = agree(u32(end, 16), elsewhere, record?.at);
  if (here !== count) throw wrong("gives two numbers of entries");
  if (count > maxEntries) throw new Failure(error("zip-limit-entries", place, maxEntries));
  if (size > maxDirectory) throw new Failure(error("zip-limit-directory", place, maxDirectory));
  const directoryEnd = is64 ? endAt - locatorSize - end64Size : endAt;
  if (at + size !== directoryEnd) throw wrong("does not stand right behind the directory that it names");
  return { count, size, at };
}

async function readEnd64(source: ByteSource, locator: Uint8Array, at: number, wrong: (what: string) => Failure) {
  const record = await source.read(at, end64Size);
  if (u32(locator, 4) !== 0 || u32(locator, 16) > 1 || u64(locator, 8) !== at)
    throw wrong("has a zip64 form that is not in front of it");
  if (u32(record, 0) !== signature.end64 || u64(record, 4) !== end64Size - 12)
    throw wrong("has a zip64 form of another size");
  if (u32(record, 16) !== 0 || u32(record, 20) !== 0) throw wrong("speaks of several disks");
  return { here: u64(record, 24), count: u64(record, 32), size: u64(record, 40), at: u64(record, 48) };
}

function readRow(source: ByteSource, row: Uint8Array, name: string, at: number): DirectoryEntry {
  const place = placeIn(source, at);
  const wrong = (what: string) => new Failure(error("zip-entry", place, name, what));
  const wide = zip64Field(row.subarray(rowSize + u16(row, 28)));
  if (wide === null) throw wrong("has a broken extra field");
  let next = 0;
  const number = (field: number): number => {
    const narrow = u32(row, field);
    if (narrow !== elsewhere) return narrow;
    if (next + 8 > (wide?.length ?? 0)) throw wrong("lacks its zip64 field");
    next += 8;
    return u64(wide as Uint8Array, next - 8);
  };
  const [size, packed, header] = [number(24), number(20), number(42)];
  if (next !== (wide?.length ?? 0)) throw wrong("has a zip64 field of another size");
  const flags = u16(row, 8);
  if ((flags & ~knownFlags) !== 0) throw wrong("is encrypted, or has flags that are not known");
  if (u16(row, 32) !== 0) throw wrong("has a comment");
  if (u16(row, 34) !== 0) throw wrong("lies on another disk");
  return { name, row: at, flags, method: u16(row, 10), crc: u32(row, 16), packed, size, at: header };
}

/** The zip64 field of an extra area: undefined where it has none, null where the area is broken. */
function zip64Field(extra: Uint8Array): Uint8Array | undefined | null {
  let found: Uint8Array | undefined;
  let at = 0;
  while (at + 4 <= extra.length) {
    const end = at + 4 + u16(extra, at + 2);
    if (end > extra.length || (u16(extra, at) === zip64Tag && found !== undefined)) return null;
    if (u16(extra, at) === zip64Tag) found = extra.subarray(at + 4, end);
    at = end;
  }
  return at === extra.length ? found : null;
}

/** Read in front of a local header: the descriptor of the entry before. */
const before = 24;
/** Read behind a local header's name, for its extra field; a longer one is read again. */
const behind = 160;

/**
 * The entries by name, each local header checked against the directory. `remedy` is what to do about entries that are
 * compressed. Throws a `Failure`.
 */
export async function readEntries(
  source: ByteSource,
  directory: Directory,
  remedy: string,
): Promise<ReadonlyMap<string, ZipEntry>> {
  const { entries } = directory;
  for (const { name, row, method, packed, size } of entries) {
    const place = placeIn(source, row);
    if (method !== 0) throw new Failure(withNote(error("zip-compressed", place, name, method), remedy));
    if (packed !== size) throw new Failure(error("zip-entry", place, name, "is stored, in another size than its own"));
  }
  let filled = 0;
  for (const entry of entries) {
    // Overlaps first: a row's own size alone may already reach into the next header.
    const place = placeIn(source, entry.row);
    if (entry.at < filled) throw new Failure(error("zip-overlap", place, entry.name));
    filled = entry.at + localSize + entry.size;
    if (filled > directory.at) throw new Failure(error("zip-overlap", place, entry.name));
  }
  const windows = entries.map(({ at, name }) => {
    const from = Math.max(0, at - before);
    return { at: from, length: Math.min(directory.at, at + localSize + 3 * name.length + behind) - from };
  });
  const tail = { at: Math.max(0, directory.at - before), length: Math.min(directory.at, before) };
  const found = await readRanges(source, [...windows, tail]);
  const checked = new Map<string, ZipEntry>();
  let end = 0;
  let last: DirectoryEntry | null = null;
  let wide = false;
  for (const [k, entry] of [...entries, null].entries()) {
    const window = windows[k] ?? tail;
    const at = entry?.at ?? directory.at;
    const bytes = found[k] as Uint8Array;
    // What lies between the entry before and this one: that entry's descriptor, or nothing.
    const between = bytes.subarray(0, at - window.at);
    end += last === null ? 0 : descriptorSize(source, last, wide, between.subarray(Math.max(0, end - window.at)));
    if (at > end) throw new Failure(error("zip-gap", placeIn(source, end), at - end));
    if (at < end) throw new Failure(error("zip-overlap", placeIn(source, last?.row ?? 0), last?.name ?? ""));
    if (entry === null) break;
    const local = await wholeLocal(source, entry, bytes.subarray(at - window.at), directory.at);
    wide = checkLocal(source, entry, local);
    const dataAt = at + local.length;
    checked.set(entry.name, { name: entry.name, at: dataAt, size: entry.size, crc: entry.crc });
    end = dataAt + entry.size;
    last = entry;
  }
  return checked;
}

/** A local header with its name and extra area. */
async function wholeLocal(source: ByteSource, entry: DirectoryEntry, start: Uint8Array, end: number) {
  const length = localSize + u16(start, 26) + u16(start, 28);
  if (start.length < localSize || u32(start, 0) !== signature.local)
    throw new Failure(error("zip-entry", placeIn(source, entry.at), entry.name, "has no local header"));
  if (entry.at + length > end) throw new Failure(error("zip-overlap", placeIn(source, entry.row), entry.name));
  return length <= start.length ? start.subarray(0, length) : source.read(entry.at, length);
}

/** Compares a local header with the directory; says whether it has a zip64 field. */
function checkLocal(source: ByteSource, entry: DirectoryEntry, local: Uint8Array): boolean {
  const place = placeIn(source, entry.at);
  const check = (agrees: boolean, field: string): void => {
    if (!agrees) {
      const note = placeIn(source, entry.row);
      throw new Failure(withNote(error("zip-local", place, entry.name, field), "the directory names it here", note));
    }
  };
  const nameEnd = localSize + u16(local, 26);
  check(decodeUtf8(local.subarray(localSize, nameEnd)) === entry.name, "name");
  check(u16(local, 6) === entry.flags, "flags");
  check(u16(local, 8) === entry.method, "method");
  const wide = zip64Field(local.subarray(nameEnd));
  if (wide === null) throw new Failure(error("zip-entry", place, entry.name, "has a broken extra field"));
  // With a descriptor, what it holds may be 0 here.
  const isLater = (entry.flags & descriptorFlag) !== 0;
  const fits = (value: number, real: number): boolean => value === real || (isLater && value === 0);
  check(fits(u32(local, 14), entry.crc), "checksum");
  for (const field of [18, 22]) {
    const narrow = u32(local, field);
    check(fits(narrow, entry.size) || (narrow === elsewhere && wide !== undefined), "size");
  }
  // torch.save puts the header's offset here where only that is large.
  for (let at = 0; at < (wide?.length ?? 0); at += 8) {
    const value = u64(wide as Uint8Array, at);
    check(fits(value, entry.size) || value === entry.at, "size");
  }
  return wide !== undefined;
}

/** Bytes of an entry's descriptor, which `bytes` begins with; 0 where it has none. */
function descriptorSize(source: ByteSource, entry: DirectoryEntry, wide: boolean, bytes: Uint8Array): number {
  if ((entry.flags & descriptorFlag) === 0) return 0;
  const [packed, size] = wide ? [u64(bytes, 8), u64(bytes, 16)] : [u32(bytes, 8), u32(bytes, 12)];
  const agrees = u32(bytes, 0) === descriptorSignature && u32(bytes, 4) === entry.crc;
  if (!agrees || packed !== entry.size || size !== entry.size)
    throw new Failure(error("zip-local", placeIn(source, entry.row), entry.name, "descriptor behind its data"));
  return wide ? 24 : 16;
}
