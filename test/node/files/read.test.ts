import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { error } from "../../../src/diagnostics/messages.ts";
import { readFileWithin } from "../../../src/node/files/read.ts";
import { newFolder } from "../../support/folders.ts";

const read = (file: string, limit: number) =>
  readFileWithin(file, limit, size => error("spec-too-large", null, size, limit));

test("a file is read whole, up to the limit and not beyond", () => {
  const file = path.join(newFolder(), "f");
  for (const size of [0, 1, 65_535, 65_536, 200_000]) {
    const bytes = new Uint8Array(size).map((_, i) => i);
    fs.writeFileSync(file, bytes);
    const whole = read(file, size);
    expect(whole.ok && Buffer.from(whole.value).equals(bytes)).toBe(true);
    if (size > 0) expect(read(file, size - 1).diagnostics).toMatchObject([{ code: "spec-too-large" }]);
  }
});

test.skipIf(!fs.existsSync("/proc/self/maps"))("a file that does not say how long it is", () => {
  const found = read("/proc/self/maps", 1 << 24);
  expect(found.ok && new TextDecoder().decode(found.value)).toMatch(/\n$/);
  expect(found.ok && found.value.length).toBeGreaterThan(1000);
  expect(read("/proc/self/maps", 100).diagnostics).toMatchObject([{ code: "spec-too-large" }]);
});
