import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { artifactCorpus } from "../corpus/artifacts.ts";
import { cnxc } from "../support/cli.ts";
import { cnxcProcess } from "../support/cli-process.ts";
import { newFolder } from "../support/folders.ts";
import { artefacts } from "./lay-out.ts";

// What corpus.test.ts asks within its process, of processes of their own.

const { layOut } = artefacts();

test.each([
  { id: "O04-location-1", code: 4 },
  { id: "O06-missing", code: 6 },
  { id: "O10-class", code: 0 },
  { id: "O13-ir-99", code: 4 },
  { id: "O17-group", code: 4 },
  { id: "O20-length-2-31", code: 4 },
  { id: "O22-missing", code: 4 },
  { id: "O24-newer", code: 4 },
])("$id exits with $code, wherever it runs", async ({ id, code }) => {
  const row = artifactCorpus.find(row => row.id === id);
  const folder = layOut(row?.change);
  const first = await cnxcProcess(["verify", folder]);
  const second = await cnxcProcess(["verify", folder], { env: { LANG: "tr_TR.UTF-8", TZ: "Asia/Kathmandu" } });
  expect(first.code).toBe(code);
  expect(first.stderr).toContain(`[${row?.expected?.kind}/${row?.expected?.code}]`);
  expect(second).toEqual(first);
});

test("the largest model that a spec may hold is within the reader's limits", async () => {
  const folder = newFolder();
  const head = "head fcmae { mask_ratio 0.6  patch_size 32  decoder { depth 1  dim 8 } }";
  const spec = `model most { depths [1, 1, 1021, 1]  dims [8, 8, 8, 8]  input 64x64x3  ${head} }\n`;
  fs.writeFileSync(path.join(folder, "most.cnx"), spec);
  const words = ["compile", "most.cnx", "-t", "onnx", "--dtype", "f16", "-o", "out"];
  expect(await cnxc(words, { cwd: folder })).toMatchObject({ code: 0, stderr: "" });
  expect(await cnxc(["verify", "out"], { cwd: folder })).toMatchObject({ code: 0, stderr: "" });
});
