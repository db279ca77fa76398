import { expect, test } from "vitest";
import { fail, ok } from "../../../src/diagnostics/diagnostic.ts";
import { error } from "../../../src/diagnostics/messages.ts";
import { orClosed } from "../../../src/node/files/or-closed.ts";

async function closed(work: Parameters<typeof orClosed>[1]): Promise<boolean> {
  let isClosed = false;
  const close = async () => {
    isClosed = true;
  };
  await orClosed(close, work).catch(() => {});
  return isClosed;
}

test("what is made of something open keeps it open; a diagnostic or a throw closes it", async () => {
  expect(await closed(async () => ok(1))).toBe(false);
  expect(await closed(async () => fail(error("file-not-found", null)))).toBe(true);
  expect(
    await closed(async () => {
      throw new Error("a read that fails");
    }),
  ).toBe(true);
});
