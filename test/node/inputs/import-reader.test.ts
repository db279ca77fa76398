import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { importReader } from "../../../src/node/inputs/import-reader.ts";
import { fill, newFolder } from "../../support/folders.ts";

const from = (name: string) => ({ source: { name, text: "" }, start: 0, end: 0 });
const codeOf = (result: { readonly diagnostics: readonly { readonly code: string }[] }) => result.diagnostics[0]?.code;

test("imports are relative to the file that names them, and each file has one name", () => {
  const folder = newFolder();
  fill(folder, { "a.cnx": "a", "sub/b.cnx": "b", "sub/c.cnx": "c" });
  const main = path.join(folder, "a.cnx");
  const read = importReader(main, null);
  const name = (specifier: string, importer: string) => {
    const result = read(specifier, from(importer), "spec");
    return result.ok ? [path.relative(folder, result.value.name), result.value.text] : codeOf(result);
  };
  expect(name("sub/b.cnx", main)).toEqual(["sub/b.cnx", "b"]);
  expect(name("./sub/../sub/b.cnx", main)).toEqual(["sub/b.cnx", "b"]);
  expect(name("c.cnx", path.join(folder, "sub/b.cnx"))).toEqual(["sub/c.cnx", "c"]);
  expect(name("../a.cnx", path.join(folder, "sub/b.cnx"))).toEqual(["a.cnx", "a"]);
  expect(read("./a.cnx", from(main), "spec")).toMatchObject({ value: { name: main } });
});

test.each([
  ["/etc/passwd", "import-path"],
  ["\\\\host\\share", "import-path"],
  ["sub\\b.cnx", "import-path"],
  ["C:/b.cnx", "import-path"],
  ["file:b.cnx", "import-path"],
  ["http://localhost/b.cnx", "import-path"],
  ["", "import-path"],
  ["b\0.cnx", "import-path"],
  ["../b.cnx", "import-outside"],
  ["sub/../../b.cnx", "import-outside"],
  [".", "import-outside"],
  ["gone.cnx", "import-unreadable"],
  ["sub", "import-unreadable"],
  ["pipe", "import-unreadable"],
  ["zero", "import-outside"],
  ["loop", "import-unreadable"],
  ["away.cnx", "import-outside"],
  ["linked/x.cnx", "import-outside"],
  ["large.cnx", "spec-too-large"],
])("S48, S49, S50: import %j gives %s", (specifier, code) => {
  const [folder, outside] = [newFolder(), newFolder()];
  fill(folder, { "a.cnx": "a", "sub/b.cnx": "b", "large.cnx": "x".repeat(256 * 1024 + 1) });
  fill(outside, { "x.cnx": "x" });
  spawnSync("mkfifo", [path.join(folder, "pipe")]);
  fs.symlinkSync("/dev/zero", path.join(folder, "zero"));
  fs.symlinkSync("loop", path.join(folder, "loop"));
  fs.symlinkSync(path.join(outside, "x.cnx"), path.join(folder, "away.cnx"));
  fs.symlinkSync(outside, path.join(folder, "linked"));
  const main = path.join(folder, "a.cnx");
  expect(codeOf(importReader(main, null)(specifier, from(main), "spec"))).toBe(code);
});

test("a wider root, and links that stay inside it", () => {
  const folder = newFolder();
  fill(folder, { "specs/a.cnx": "a", "shared/b.cnx": "b" });
  fs.symlinkSync("../shared/b.cnx", path.join(folder, "specs/b.cnx"));
  const main = path.join(folder, "specs/a.cnx");
  expect(codeOf(importReader(main, null)("b.cnx", from(main), "spec"))).toBe("import-outside");
  expect(importReader(main, folder)("b.cnx", from(main), "spec")).toMatchObject({ value: { text: "b" } });
  expect(importReader(main, folder)("../shared/b.cnx", from(main), "spec")).toMatchObject({ value: { text: "b" } });
});
