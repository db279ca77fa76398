import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { plan } from "../../../src/compile.ts";
import { sourceOf } from "../../../src/emit/cuda/kernels.ts";
import { cudaTarget } from "../../../src/emit/cuda/target.ts";
import { type Model, type StorageType, storageTypes } from "../../../src/model/model.ts";
import { loadProgram } from "../../../src/node/inputs/program.ts";
import type { SiteLayout } from "../../../src/passes/site-layout.ts";
import { distinctKernels, type Plan } from "../../../src/plan/plan.ts";
import { full } from "../../support/full.ts";

/** What a block may ask for on sm_86, 89 and 120, which have the least of the architectures that one source serves. */
const mostBytes = 101376;

/** Each size is planned for three batches and three types: the smallest and the widest in every run. */
const all = full ? ["atto", "femto", "pico", "nano", "tiny", "base", "large", "huge"] : ["atto", "huge"];

function models(file: string): ReadonlyMap<string, Model> {
  const loaded = loadProgram(path.resolve(import.meta.dirname, "../../../specs", file), null, null);
  if (!loaded.ok) throw new Error(loaded.diagnostics[0]?.message);
  return loaded.value.program.models;
}
const known = new Map([...models("convnextv2.cnx"), ...models("fcmae.cnx")]);

function planOf(name: string, dtype: StorageType, batch: number, sites: SiteLayout): Plan {
  const planned = plan({
    model: known.get(name) as Model,
    target: cudaTarget(dtype),
    batch: { min: 1, max: batch },
    sites,
  });
  if (!planned.ok) throw new Error(`${name} does not compile`);
  return planned.value.plan;
}

describe("every kernel's shared memory is what all architectures have", () => {
  const cases = all.flatMap(size => [
    { name: size, sites: ["auto"] as const },
    { name: `${size}_fcmae`, sites: ["compact", "masked"] as const },
  ]);
  test.each(cases)("$name", ({ name, sites }) => {
    const asked = sites.flatMap(layout =>
      [1, 32, 256].flatMap(batch =>
        storageTypes.flatMap(dtype => {
          const made = planOf(name, dtype, batch, layout);
          return distinctKernels(made.steps).kernels.map(step => ({
            kernel: `${step.name}, ${dtype}, batch ${batch}, ${layout}`,
            shared: sourceOf(step, made).shared,
          }));
        }),
      ),
    );
    expect(asked.length).toBeGreaterThan(9 * 15);
    expect(asked.filter(({ shared }) => shared > mostBytes)).toEqual([]);
  });
});
