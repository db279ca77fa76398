import { readFileSync } from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { analyse, plan } from "../../src/compile.ts";
import { ok } from "../../src/diagnostics/diagnostic.ts";
import { wgslTarget } from "../../src/emit/wgsl/target.ts";
import { must } from "../syntax/support.ts";

const textOf = (file: string): string => readFileSync(path.join("specs", path.basename(file)), "utf8");

/** Scratch bytes of an image when a model of a spec learns. */
function bytesOf(file: string, name: string): number {
  const root = { name: file, text: textOf(file) };
  const analysis = must(analyse(root, imported => ok({ name: imported, text: textOf(imported) })));
  const model = analysis.program.models.get(name);
  if (model === undefined) throw new Error(`${file} has no ${name}`);
  const learning = { dropPath: false, wanted: (_: string, isParam: boolean) => isParam };
  const planned = must(plan({ model, target: wgslTarget("gpu", false), batch: { min: 8, max: 8 }, learning }));
  return planned.plan.arenas.reduce((sum, bytes) => sum + bytes, 0);
}

// What must be kept of a block for its gradients is its input, the normalised map, what the first linear leaves before GELU,
// and a number a site: six maps of its width, and the gradients at hand. The figures count those by hand, in f32.
test.each([
  ["fcmae.cnx", "atto_fcmae", 10.6e6],
  ["fcmae.cnx", "tiny_fcmae", 28.4e6],
  ["convnextv2.cnx", "atto", 21.6e6],
  ["convnextv2.cnx", "tiny", 67.2e6],
])("%s %s keeps what its gradients need and little else", (file, name, bytes) => {
  expect(bytesOf(file, name) / bytes).toBeLessThan(1.15);
});
