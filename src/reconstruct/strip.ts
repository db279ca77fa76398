import { type Picture, toRgba } from "../preprocess/picture.ts";

const gap = 8;

/** Rows of pictures of one size as one picture, white between them. */
export function strip(rows: readonly (readonly Picture[])[]): Picture {
  const { width = 0, height = 0 } = rows[0]?.[0] ?? {};
  const columns = Math.max(...rows.map(row => row.length));
  const [wide, high] = [columns * (width + gap) - gap, rows.length * (height + gap) - gap];
  const data = new Uint8Array(4 * wide * high).fill(255);
  for (const [j, row] of rows.entries())
    for (const [i, picture] of row.entries()) {
      const rgba = toRgba(picture);
      for (let y = 0; y < height; y++)
        data.set(
          rgba.subarray(4 * y * width, 4 * (y + 1) * width),
          4 * ((j * (height + gap) + y) * wide + i * (width + gap)),
        );
    }
  return { width: wide, height: high, channels: 4, data };
}
