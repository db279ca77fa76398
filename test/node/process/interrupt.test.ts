import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { Failure } from "../../../src/diagnostics/failure.ts";
import { runJob } from "../../../src/node/jobs/run-job.ts";
import { publish } from "../../../src/node/output/publish.ts";
import { cliFile, interrupted } from "../../support/cli-process.ts";
import { fill, newFolder, snapshot } from "../../support/folders.ts";

const signals = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const;

test.each(signals)("D22: %s while files are written ends with %i, and the old output stays", async (signal, code) => {
  const folder = newFolder();
  const directory = path.join(folder, "out");
  const origin = { compiler: "0.1.0", specs: [{ name: "a.cnx", sha256: "" }], options: {} };
  const files = [{ path: "model.ts", contents: "old" }];
  await publish({ directory, files, origin, inputs: [], project: folder, followOutside: false });
  const before = snapshot(folder);
  const script = path.resolve("test/support/publish-slowly.mjs");
  const result = await interrupted(script, [directory], signal, stdout => stdout.length > 40);
  expect([result.code, result.signal, result.stderr]).toEqual([code, null, ""]);
  expect(snapshot(folder)).toEqual(before);
});

test.each(signals)("D21: %s in a long computation ends with %i", async (signal, code) => {
  const busy =
    "data:text/javascript,import w from 'node:worker_threads';if(!w.isMainThread){console.log('busy');for(;;);}";
  process.env.NODE_OPTIONS = `--import="${busy}"`;
  try {
    const result = await interrupted(cliFile, ["check", "specs/micro.cnx"], signal, stdout => stdout.includes("busy"));
    expect([result.code, result.signal]).toEqual([code, null]);
  } finally {
    delete process.env.NODE_OPTIONS;
  }
});

test("D26: what nobody expected asks for a report, without a stack trace", async () => {
  const ready = "process.listenerCount('uncaughtException') > 0";
  const boom = `data:text/javascript,setInterval(()=>{if(${ready})Promise.reject(new Error('boom'))},5)`;
  const folder = newFolder();
  const words = ["--import", boom, cliFile, "check", "-"];
  const child = spawn(process.execPath, words, { env: { ...process.env, NO_COLOR: "1", TMPDIR: folder } });
  let stderr = "";
  child.stderr.on("data", part => {
    stderr += part;
  });
  expect(await new Promise(resolve => child.on("close", resolve))).toBe(70);
  expect(stderr).toMatch(/^error\[E_INTERNAL\/internal\]: this is a bug in cnxc: boom\n\n?Please report it/);
  expect(stderr).not.toMatch(/\n\s+at /);
  const bundle = /: (\/.*crash\.json)\n/.exec(stderr)?.[1] ?? "";
  expect(JSON.parse(fs.readFileSync(bundle, "utf8"))).toMatchObject({ message: "boom", name: "Error" });
});

test("C14: a job that fills its memory is a diagnostic, not the end of the process", async () => {
  const folder = newFolder();
  const model = (i: number) => `model m${i} { depths [1, 1, 1] dims [8, 16, 32] }\n`;
  fill(folder, { "a.cnx": Array.from({ length: 1000 }, (_, i) => model(i)).join("") });
  const work = runJob("check", [[path.join(folder, "a.cnx")], null, null], 4);
  const failure = await work.catch((cause: unknown) => cause);
  expect(failure).toBeInstanceOf(Failure);
  expect(failure).toMatchObject({ diagnostic: { code: "memory-cap" } });
});
