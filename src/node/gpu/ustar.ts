import { invariant } from "../../diagnostics/invariant.ts";

export interface TarEntry {
  readonly name: string;
  readonly mode: number;
  readonly data: Uint8Array;
}

const block = 512;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replace(/\0.*$/s, "");
const octal = (bytes: Uint8Array) => Number.parseInt(text(bytes).trim() || "0", 8);

/** The regular files of a plain ustar archive. Links, devices and names that leave the folder are left out. */
export function untar(archive: Uint8Array): readonly TarEntry[] {
  const entries: TarEntry[] = [];
  for (let at = 0; at + block <= archive.length; ) {
    const header = archive.subarray(at, at + block);
    if (header.every(byte => byte === 0)) break;
    const size = octal(header.subarray(124, 136));
    const start = at + block;
    invariant(Number.isFinite(size) && start + size <= archive.length, "a tar entry ends behind its archive");
    const prefix = text(header.subarray(257, 262)) === "ustar" ? text(header.subarray(345, 500)) : "";
    const name = [prefix, text(header.subarray(0, 100))].filter(part => part !== "").join("/");
    const type = String.fromCharCode(header[156] ?? 0);
    const safe = !name.startsWith("/") && !name.split("/").includes("..");
    if ((type === "0" || type === "\0") && safe && !name.endsWith("/"))
      entries.push({ name, mode: octal(header.subarray(100, 108)), data: archive.subarray(start, start + size) });
    at = start + Math.ceil(size / block) * block;
  }
  return entries;
}
