/** `1,204,224`: whole numbers, the same in every locale. */
export const grouped = (count: number): string => `${count}`.replaceAll(/\B(?=(\d{3})+$)/g, ",");

/** `1.2 MB`, of a million bytes each; what is smaller than a tenth of that in kB or bytes. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 100_000 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
