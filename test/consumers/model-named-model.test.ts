import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { cnxc } from "../support/cli.ts";
import { fill, newFolder, snapshot } from "../support/folders.ts";

const body = "{ depths [1] dims [8] input 8x8x3 head classifier { classes 2 } }";

test.each(["model", "Model"])("a model called '%s' does not take the place of its data", async name => {
  const folder = newFolder();
  fill(folder, { "m.cnx": `model ${name} ${body}\n` });
  expect(cnxc(["compile", "m.cnx", "-t", "wgsl", "-o", "out"], { cwd: folder })).toMatchObject({ code: 0 });
  const made = snapshot(path.join(folder, "out")) ?? {};
  const files = Object.keys(made).map(file => file.toLowerCase());
  expect(new Set(files).size).toBe(files.length);
  const data = await import(pathToFileURL(path.join(folder, "out", name, "model_data.js")).href);
  expect(data.descriptor.name).toBe(name);
  expect(made[`${name}/${name}.js`]).toContain('from "./model_data.js"');
});
