/** UTF-8 of a text; a lone surrogate becomes U+FFFD, as in `TextEncoder`, which the core may not use. */
export function utf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let at = 0;
  for (const character of text) {
    const found = character.codePointAt(0) as number;
    const code = found >= 0xd800 && found < 0xe000 ? 0xfffd : found;
    if (code < 0x80) {
      bytes[at++] = code;
      continue;
    }
    const tail = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    bytes[at++] = ([0, 0xc0, 0xe0, 0xf0][tail] as number) | (code >>> (6 * tail));
    for (let k = tail - 1; k >= 0; k--) bytes[at++] = 0x80 | ((code >>> (6 * k)) & 63);
  }
  return bytes.slice(0, at);
}
