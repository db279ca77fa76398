import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { cnxc } from "../support/cli.ts";
import { newFolder } from "../support/folders.ts";

const text = readFileSync("docs/inspect.md", "utf8");
/** Each command of the page, with the output that stands below it, if any. */
const commands = [...text.matchAll(/```sh\ncnxc ([^\n]*)\n```\n(?:\n```text\n(.*?)```)?/gs)].map(
  ([, words = "", shown]) => ({ words, shown: shown ?? null }),
);

test("the page has commands with output and without", () => {
  expect(commands.map(({ shown }) => shown !== null)).toEqual([true, true, false, true, true, false]);
});

test.each(commands)("cnxc $words does what it shows", async ({ words, shown }) => {
  const folder = newFolder();
  const all = words.split(" ").map(word => (word.startsWith("specs/") ? path.resolve(word) : word));
  const ran = await cnxc(all, { cwd: folder });
  expect([ran.code, ran.stderr]).toEqual([0, ""]);
  const page = words.match(/-o (\S+)/)?.[1];
  if (page !== undefined) expect(existsSync(path.join(folder, page))).toBe(true);
  if (shown === null) return;
  let rest = ran.stdout;
  for (const piece of shown.split(/^ *…\n/m)) {
    const at = rest.indexOf(piece);
    expect(at, piece).toBeGreaterThanOrEqual(0);
    rest = rest.slice(at + piece.length);
  }
});
