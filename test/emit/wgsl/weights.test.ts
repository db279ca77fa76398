import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { cnxc } from "../../support/cli.ts";
import { fill, newFolder } from "../../support/folders.ts";

const spec = (name: string) => `model ${name} { depths [1] dims [8] input 32x32x3 head classifier { classes 3 } }\n`;

test.each([
  { name: "tiny", dtype: "f32", module: "weights" },
  { name: "tiny", dtype: "f16", module: "weights" },
  { name: "weights", dtype: "f32", module: "weights_data" },
])("$module says what the file beside it is, of $name in $dtype", async ({ name, dtype, module }) => {
  const folder = newFolder();
  fill(folder, { "a.cnx": spec(name) });
  const words = ["compile", "a.cnx", "-t", "wgsl", "--dtype", dtype, "-w", "random:1", "-o", "out"];
  expect(await cnxc(words, { cwd: folder })).toMatchObject({ code: 0, stderr: "" });
  const at = (file: string) => path.join(folder, "out", name, file);
  const bytes = fs.readFileSync(at("weights.safetensors"));
  const { weights } = await import(at(`${module}.js`));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  expect(weights).toEqual({ file: "weights.safetensors", bytes: bytes.length, sha256 });
  expect(await cnxc([...words, "--check"], { cwd: folder })).toMatchObject({ code: 0, stderr: "" });
  // Other weights change the file and what is said of it, and nothing else.
  const others = await cnxc([...words.with(words.indexOf("random:1"), "random:2"), "--json"], { cwd: folder });
  const written = JSON.parse(others.stdout).outputs.filter(({ status }: { status: string }) => status === "written");
  expect(written.map(({ path: file }: { path: string }) => path.basename(file)).sort()).toEqual(
    [`${module}.js`, "weights.safetensors"].sort(),
  );
});
