import { invariant } from "../diagnostics/invariant.ts";
import { build } from "../graph/build.ts";
import type { ValueId } from "../graph/graph.ts";
import type { Scope } from "../graph/scope.ts";
import type { Model } from "../model/model.ts";
import { allPasses } from "../passes/all.ts";
import { runPasses } from "../passes/pass.ts";

/** What of the network each value is that kernels are named after, read or write. */
export function scopesOf(model: Model): ReadonlyMap<ValueId, Scope> {
  const built = build(model);
  invariant(built.ok, "a graph without taps can be built");
  return new Map([...runPasses(built.value, allPasses).nodes].map(([id, { scope }]) => [id, scope]));
}
