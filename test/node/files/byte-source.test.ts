import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { ok } from "../../../src/diagnostics/diagnostic.ts";
import { catchingFailures } from "../../../src/diagnostics/failure.ts";
import { openSource } from "../../../src/node/files/byte-source.ts";
import { fill, newFolder } from "../../support/folders.ts";

async function opened(text: string) {
  const folder = newFolder();
  fill(folder, { "w.bin": text });
  const file = path.join(folder, "w.bin");
  const source = await openSource(file);
  if (!source.ok) throw new Error("not opened");
  return { file, source: source.value };
}
const codes = (work: Promise<unknown>) =>
  catchingFailures(async () => ok(await work)).then(({ diagnostics }) => diagnostics.map(({ code }) => code));

test("a file is read in pieces", async () => {
  const { file, source } = await opened("0123456789");
  expect([source.name, source.size]).toEqual([file, 10]);
  expect(Buffer.from(await source.read(3, 4)).toString()).toBe("3456");
  expect(await source.read(10, 0)).toEqual(new Uint8Array());
  await source.close();
});

test.each([
  ["grows", (file: string) => fs.appendFileSync(file, "x")],
  ["shrinks", (file: string) => fs.truncateSync(file, 2)],
  ["is written in place", (file: string) => fs.writeFileSync(file, "9876543210")],
])("F48: a file that %s while it is read", async (_what, change) => {
  const { file, source } = await opened("0123456789");
  await source.read(0, 4);
  await new Promise(resolve => setTimeout(resolve, 50)); // a file's time has its own grain
  change(file);
  expect(await codes(source.read(4, 4))).toEqual(["file-changed"]);
  await source.close();
});

test("W22: a file that is replaced is still the one that was opened", async () => {
  const { file, source } = await opened("0123456789");
  fs.writeFileSync(`${file}.new`, "other");
  fs.renameSync(`${file}.new`, file);
  expect(Buffer.from(await source.read(0, 10)).toString()).toBe("0123456789");
  await source.close();
});

test("P54: a link is followed; folders, pipes and devices are refused", async () => {
  const folder = newFolder();
  fill(folder, { "w.bin": "w" });
  fs.symlinkSync("w.bin", path.join(folder, "link"));
  const code = async (name: string) => {
    const result = await openSource(path.resolve(folder, name));
    if (result.ok) await result.value.close();
    return result.diagnostics[0]?.code ?? "opened";
  };
  expect(await code("link")).toBe("opened");
  expect(await code(".")).toBe("not-a-file");
  expect(await code("/dev/zero")).toBe("not-a-file");
  expect(await code("gone")).toBe("file-not-found");
});
