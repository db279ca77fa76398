import * as path from "node:path";
import { expect, test } from "vitest";
import { runCommandLine } from "../../../src/node/cli/program.ts";
import { newFolder, snapshot } from "../../support/folders.ts";

const spec = path.resolve(import.meta.dirname, "../../../specs/convnextv2.cnx");
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

async function said(...words: readonly string[]): Promise<string> {
  const { text, diagnostics } = await runCommandLine(words);
  expect(diagnostics).toEqual([]);
  return text;
}

/** The number that follows some words in one of the files. */
const stated = (files: readonly string[], words: RegExp): number => {
  const found = files.flatMap(text => words.exec(text)?.[1] ?? []).map(Number);
  expect(found.length, `${words}`).toBe(1);
  return found[0] as number;
};

test.each([
  ["wgsl", "f32", []],
  ["wgsl", "f16", []],
  ["cuda", "f32", []],
  ["cuda", "f16", []],
  ["cuda", "bf16", []],
  ["cuda", "f32", ["--tf32"]],
] as const)(
  "compile, --emit plan, info and what is generated say the same of %s in %s %j",
  async (target, dtype, more) => {
    const out = newFolder();
    const given = ["-m", "atto", "-t", target, "--dtype", dtype];
    const compiled = ["compile", spec, ...given, ...more, "-w", "random:1"];
    const summary = await said(...compiled, "-o", out);
    const plan = await said(...compiled, "--emit", "plan");
    const [, launches, weights, scratch, moved] =
      /: (\d+) \w+, (\S+ MB) of weights, (\S+ MB) of scratch and (\S+ MB) moved an image/.exec(summary) ?? [];

    expect(plan.split("  steps {\n")[1]?.match(/ = /g)?.length).toBe(Number(launches));
    const planned = /scratch (\d+) bytes an image/.exec(plan)?.[1];
    expect(megabytes(Number(planned))).toBe(scratch);

    if (more.length === 0) {
      const { result } = await runCommandLine(["info", spec, ...given, "--json"]);
      if (result === null) throw new Error("info --json has no result");
      const [{ total, weightBytes, scratchBytes }] = result.models as readonly [Info];
      expect(`${total.kernels}`).toBe(launches);
      expect([weightBytes, scratchBytes, total.bytes].map(megabytes)).toEqual([weights, scratch, moved]);
      expect(`${scratchBytes}`).toBe(planned);
    }

    // Software adapters have a plan of their own.
    const written = Object.entries(snapshot(out) ?? {}).filter(([name]) => !name.endsWith("software.js"));
    const files = written.map(([, text]) => text);
    if (target === "cuda") {
      expect(`${stated(files, /the same as single launches, (\d+) in all/)}`).toBe(launches);
      expect(megabytes(stated(files, /weight_bytes = (\d+)/))).toBe(weights);
      const workspace = [/image_bytes = (\d+)/, /counter_bytes = (\d+)/].map(words => stated(files, words));
      expect(`${sum(workspace)}`).toBe(planned);
    } else {
      const steps = files.flatMap(text => text.split("\n  steps: [\n")[1] ?? []);
      expect(steps.map(text => text.match(/\blabel: /g)?.length)).toEqual([Number(launches)]);
    }
  },
);

interface Info {
  readonly weightBytes: number;
  readonly scratchBytes: number;
  readonly total: { readonly kernels: number; readonly bytes: number };
}
