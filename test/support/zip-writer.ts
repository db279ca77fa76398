import { crc32 } from "node:zlib";

/** What a header states of its entry; in tests some of it is a lie. */
export interface Stated {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly at: number;
  readonly extra: Uint8Array;
}

export interface Part {
  readonly name: string;
  readonly data: Uint8Array;
  /** As torch.save writes: sizes and checksum behind the data, 0 in front of them. */
  readonly descriptor?: boolean;
  /** A descriptor with 64-bit sizes, announced by a zip64 field. */
  readonly wide?: boolean;
  readonly local?: Partial<Stated>;
  readonly row?: Partial<Stated>;
  readonly behind?: Partial<Stated>;
  /** Takes the place of its local header, data and all. */
  readonly sameAs?: number;
}

export interface ZipOptions {
  readonly zip64?: boolean;
  readonly before?: Uint8Array;
  readonly after?: Uint8Array;
  readonly comment?: Uint8Array;
  /** What the end record states. */
  readonly end?: Partial<Record<"count" | "here" | "size" | "at" | "disk", number>>;
  readonly end64?: Partial<Record<"count" | "size" | "at" | "record", number>>;
  readonly between?: Uint8Array;
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Little-endian fields: [value, bytes]. */
function fields(...list: readonly (readonly [value: number, bytes: 2 | 4 | 8])[]): Uint8Array {
  const bytes = new Uint8Array(list.reduce((sum, [, size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [value, size] of list) {
    if (size === 2) view.setUint16(at, value, true);
    else if (size === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += size;
  }
  return bytes;
}

/** A zip archive, right unless it is told otherwise. */
export function zip(parts: readonly Part[], options: ZipOptions = {}): Uint8Array {
  const { zip64 = false, before = new Uint8Array(), after = new Uint8Array(), comment = new Uint8Array() } = options;
  const pieces: Uint8Array[] = [before];
  const rows: Uint8Array[] = [];
  const offsets: number[] = [];
  let at = before.length;
  const add = (piece: Uint8Array): void => {
    pieces.push(piece);
    at += piece.length;
  };
  for (const part of parts) {
    const { name, data, descriptor = false, wide = false } = part;
    const flags = 0x0800 | (descriptor && data.length > 0 ? 8 : 0);
    const later = (flags & 8) !== 0;
    const start = part.sameAs === undefined ? at : (offsets[part.sameAs] ?? 0);
    offsets.push(start);
    const stated = { name, flags, method: 0, crc: crc32(data), packed: data.length, size: data.length, at: start };
    const wideField = wide ? fields([1, 2], [16, 2], [later ? 0 : data.length, 8], [later ? 0 : data.length, 8]) : [];
    const front = { ...stated, ...(later ? { crc: 0, packed: 0, size: 0 } : {}), extra: Uint8Array.from(wideField) };
    if (part.sameAs === undefined) {
      const local = { ...front, ...part.local };
      const title = encode(local.name);
      add(fields([0x04034b50, 4], [0, 2], [local.flags, 2], [local.method, 2], [0, 4], [local.crc, 4]));
      add(fields([local.packed, 4], [local.size, 4], [title.length, 2], [local.extra.length, 2]));
      for (const piece of [title, local.extra, data]) add(piece);
      const behind = { ...stated, ...part.behind };
      const width = wide ? 8 : 4;
      if (later) add(fields([0x08074b50, 4], [behind.crc, 4], [behind.packed, width], [behind.size, width]));
    }
    const row = { ...stated, extra: new Uint8Array(), ...part.row };
    const title = encode(row.name);
    rows.push(
      fields([0x02014b50, 4], [0, 2], [0, 2], [row.flags, 2], [row.method, 2], [0, 4], [row.crc, 4], [row.packed, 4]),
      fields([row.size, 4], [title.length, 2], [row.extra.length, 2], [0, 2], [0, 2], [0, 2], [0, 4], [row.at, 4]),
      ...[title, row.extra],
    );
  }
  const from = at;
  for (const row of rows) add(row);
  const size = at - from;
  const end = { count: parts.length, here: parts.length, size, at: from, disk: 0, ...options.end };
  add(options.between ?? new Uint8Array());
  if (zip64) {
    const record = { count: parts.length, size, at: from, record: at, ...options.end64 };
    add(fields([0x06064b50, 4], [44, 8], [0x31e, 2], [0x2d, 2], [0, 4], [0, 4], [record.count, 8], [record.count, 8]));
    add(fields([record.size, 8], [record.at, 8]));
    add(fields([0x07064b50, 4], [0, 4], [record.record, 8], [1, 4]));
  }
  add(fields([0x06054b50, 4], [end.disk, 2], [end.disk, 2], [Math.min(end.here, 0xffff), 2]));
  add(fields([Math.min(end.count, 0xffff), 2], [end.size, 4], [end.at, 4], [comment.length, 2]));
  add(comment);
  add(after);
  return new Uint8Array(Buffer.concat(pieces));
}
