import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, expect, test } from "vitest";
import { readPicture } from "../../../src/node/inputs/pictures.ts";

// Files that Pillow wrote, and the pixels that it reads from them: `pillow_check.py`.

interface Case {
  readonly title: string;
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly pixels: string;
}

const { cases } = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, "pillow.json"), "utf8")) as {
  readonly cases: readonly Case[];
};

const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cnxc-test-")));
afterAll(() => fs.rmSync(folder, { recursive: true }));

test.each(cases)("$title: the pixels that Pillow reads", async ({ title, file, width, height, frames, pixels }) => {
  const place = path.join(folder, "picture");
  fs.writeFileSync(place, Buffer.from(file, "base64"));
  const found = await readPicture(place, 4);
  if (!found.ok) throw new Error(found.diagnostics[0]?.message);
  expect([found.value.width, found.value.height]).toEqual([width, height]);
  const expected = Buffer.from(pixels, "base64");
  const differences = found.value.data.map((value, i) => Math.abs(value - (expected[i] as number)));
  // Inks have a decoder of their own, whose transform rounds otherwise.
  expect(Math.max(...differences)).toBeLessThanOrEqual(title.includes("inks") ? 2 : 0);
  expect(found.diagnostics.map(({ code, message }) => [code, message])).toEqual(
    frames === 1 ? [] : [["image-frames", `the image has ${frames} frames, and the first is taken`]],
  );
});
