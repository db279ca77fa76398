import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { lower } from "../../../src/compile.ts";
import { cudaTarget } from "../../../src/emit/cuda/cuda.ts";
import { cudaProgram } from "../../../src/emit/cuda/program.ts";
import { inMemoryContext } from "../../../src/emit/target.ts";
import type { Model } from "../../../src/model/model.ts";
import { loadProgram } from "../../../src/node/inputs/program.ts";
import type { SiteLayout } from "../../../src/passes/site-layout.ts";
import type { Plan } from "../../../src/plan/plan.ts";

/** What a block may ask for on sm_86, 89 and 120, which have the least of the architectures that one source serves. */
const mostBytes = 101376;

const all = ["atto", "femto", "pico", "nano", "tiny", "base", "large", "huge"];

function models(file: string): ReadonlyMap<string, Model> {
  const loaded = loadProgram(path.resolve(import.meta.dirname, "../../../specs", file), null, null);
  if (!loaded.ok) throw new Error(loaded.diagnostics[0]?.message);
  return loaded.value.program.models;
}
const known = new Map([...models("convnextv2.cnx"), ...models("fcmae.cnx")]);

/** The plan alone: it is the same for every storage type, and no text is wanted. */
function planOf(name: string, batch: number, sites: SiteLayout): Plan {
  const target = { ...cudaTarget("f32"), emit: () => [] };
  const model = known.get(name) as Model;
  const unit = lower({ model, target, batch: { min: 1, max: batch }, taps: [], sites, context: inMemoryContext });
  if (!unit.ok || unit.value.plan === null) throw new Error(`${name} does not compile`);
  return unit.value.plan;
}

describe("every kernel's shared memory is what all architectures have", () => {
  const cases = all.flatMap(size => [
    { name: size, sites: ["auto"] as const },
    { name: `${size}_fcmae`, sites: ["compact", "masked"] as const },
  ]);
  test.each(cases)("$name", ({ name, sites }) => {
    const asked = sites.flatMap(layout =>
      [1, 32, 256].flatMap(batch => {
        const plan = planOf(name, batch, layout);
        return (["f32", "f16", "bf16"] as const).flatMap(dtype =>
          cudaProgram(plan, dtype).kernels.map(({ name: kernel, kernel: { shared } }) => ({
            kernel: `${kernel}, ${dtype}, batch ${batch}, ${layout}`,
            shared,
          })),
        );
      }),
    );
    expect(asked.length).toBeGreaterThan(9 * 15);
    expect(asked.filter(({ shared }) => shared > mostBytes)).toEqual([]);
  });
});
