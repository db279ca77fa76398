/** FNV-1a, 32 bit, as an unsigned number. `basis` is for those who need a second, different hash. */
export function fnv1a(bytes: Uint8Array, basis = 0x811c9dc5): number {
  let hash = basis;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
