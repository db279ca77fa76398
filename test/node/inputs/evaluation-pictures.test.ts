import { writeFileSync } from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { openEvaluation } from "../../../src/node/inputs/evaluation-pictures.ts";
import { oneModel } from "../../../src/node/inputs/one-model.ts";
import { newFolder } from "../../support/folders.ts";
import { writePng } from "../../support/png.ts";
import { must } from "../../syntax/support.ts";

const micro = must(oneModel({ spec: "specs/micro.cnx", stdin: null, root: null, model: "micro" }));

/** Twelve pictures, three of which are none. */
function folder(): string {
  const made = newFolder();
  const png = writePng({ width: 8, height: 8, data: Buffer.alloc(4 * 64, 200) });
  for (let i = 0; i < 12; i++) writeFileSync(path.join(made, `${i}.png`), i < 3 ? "no picture" : png);
  return made;
}

const open = (as: "trained on" | "held out" | "looked at") =>
  must(openEvaluation(folder(), { model: micro, seed: 0, most: 12, classes: null, as }));

test.each([
  ["held out", "go on with --resume"],
  ["trained on", "begin another run"],
] as const)("too many broken pictures that are %s are an error, with what helps", async (as, remedy) => {
  const read = await open(as).read(0, 12);
  expect(read.ok).toBe(false);
  expect(read.diagnostics[0]?.message).toContain(remedy);
});

test("those that are only looked at are left out, however many", async () => {
  const pictures = open("looked at");
  expect(must(await pictures.read(0, 12)).length).toBe(9);
  expect(pictures.broken().size).toBe(3);
});
