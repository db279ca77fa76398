/**
 * Width and height of a WebP file from its first chunk, which the decoder would allocate for. Throws RangeError where the
 * file ends before them, and an Error where the chunk is none that holds a picture. Source: RFC 9649.
 */
export function webpSize(bytes: Buffer): readonly [width: number, height: number] {
  const chunk = bytes.toString("latin1", 12, 16);
  const read = sizes[chunk];
  if (read === undefined) throw new Error("it does not begin with a picture");
  return read(bytes);
}

/** The first chunk begins at 20, after its name and length. */
const sizes: Readonly<Record<string, (bytes: Buffer) => readonly [width: number, height: number]>> = {
  // A key frame: three bytes of a tag, three of a start code, then 14 bits each.
  "VP8 ": bytes => [bytes.readUInt16LE(26) & 0x3fff, bytes.readUInt16LE(28) & 0x3fff],
  // A byte of a signature, then 14 bits each, less one.
  VP8L: bytes => {
    const bits = bytes.readUInt32LE(21);
    return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1];
  },
  // Four bytes of flags, then 24 bits each, less one.
  VP8X: bytes => [bytes.readUIntLE(24, 3) + 1, bytes.readUIntLE(27, 3) + 1],
};
