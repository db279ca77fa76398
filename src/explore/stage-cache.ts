import type { Result } from "../diagnostics/diagnostic.ts";
import { ok } from "../diagnostics/diagnostic.ts";
import { nameInBlock, type Scope } from "../graph/scope.ts";
import type { Model } from "../model/model.ts";
import { layOut } from "../plan/memory.ts";
import type { KernelCost, Launch } from "./profile.ts";
import { scopesOf } from "./scopes.ts";

/**
 * Kernels of a model without compiling it, where their like was compiled before. What a stage becomes depends on its own
 * fields, on what goes in and comes out, and on how many blocks it has up to three: the first and the last may differ
 * from those between, which are all alike. So a sweep over depths and widths compiles few of its points.
 */
export interface Profile {
  /** Kernels that do the same, and how often a pass runs them. */
  readonly kernels: readonly { readonly cost: KernelCost; readonly count: number }[];
  /** Bytes that weights take while the model is loaded. */
  readonly weightBytes: number;
  /** Peak of scratch memory, bytes of an image. */
  readonly scratchBytes: number;
  /** Bytes alive in scratch memory at each kernel, of an image; blocks between the third and the last are left out. */
  readonly timeline: readonly number[];
}

/** A stage's kernels, with what comes before its first block and after its last. */
interface StageKernels {
  readonly before: readonly Kernel[];
  readonly blocks: readonly (readonly Kernel[])[];
  readonly after: readonly Kernel[];
}

/** A launch that says of what it reads where that is: in another model's stage, a block has another number. */
interface Kernel extends Omit<Launch, "reads"> {
  readonly reads: readonly { readonly name: string; readonly scope: Scope | undefined }[];
}

/** Compiles a model as far as its kernels. */
export type Compile = (model: Model) => Result<readonly Launch[]>;

/** WebGPU may not read and write one buffer in one dispatch, so values that meet lie in buffers of their own. */
export interface MemoryRule {
  readonly apart: boolean;
}

const alignment = 256;
const mostBlocks = 3;

export class StageCache {
  readonly #compile: Compile;
  readonly #memory: MemoryRule;
  readonly #parts = new Map<string, StageKernels>();
  readonly #failures = new Map<string, Result<never>>();
  compiled = 0;

  constructor(compile: Compile, memory: MemoryRule) {
    this.#compile = compile;
    this.#memory = memory;
  }

  profile(model: Model): Result<Profile> {
    const short = shortened(model);
    const keys = keysOf(short);
    if (keys.some(key => !this.#parts.has(key))) {
      const failed = this.#learn(short, keys);
      if (failed !== null) return failed;
    }
    const parts = keys.map(key => this.#parts.get(key) as StageKernels);
    return ok(composed(parts, model, this.#memory));
  }

  /** Compiles a model and keeps its stages. */
  #learn(short: Model, keys: readonly string[]): Result<never> | null {
    const all = keys.join();
    const known = this.#failures.get(all);
    if (known !== undefined) return known;
    const launches = this.#compile(short);
    this.compiled++;
    if (!launches.ok) {
      this.#failures.set(all, launches);
      return launches;
    }
    partsOf(launches.value, scopesOf(short)).forEach((part, i) => {
      const key = keys[i] as string;
      if (!this.#parts.has(key)) this.#parts.set(key, part);
    });
    return null;
  }
}

const shortened = (model: Model): Model => ({
  ...model,
  stages: model.stages.map(stage => ({ ...stage, depth: Math.min(stage.depth, mostBlocks) })),
});

/** What decides about each stage's kernels, as text. */
function keysOf({ stages, name: _, span: __, ...settings }: Model): readonly string[] {
  const around = JSON.stringify(settings);
  return stages.map(({ depth, dim, kernel }, i) =>
    [i, stages.length, stages[i - 1]?.dim, dim, kernel, depth, around].join("|"),
  );
}

/** Cuts a pass at its stages: a stage begins with what follows the last block of the one before, the first with the stem. */
function partsOf(launches: readonly Launch[], scopes: ReadonlyMap<string, Scope>): readonly StageKernels[] {
  const parts: { before: Kernel[]; blocks: Kernel[][]; after: Kernel[] }[] = [];
  let current: (typeof parts)[number] = { before: [], blocks: [], after: [] };
  for (const launch of launches) {
    const kernel = { ...launch, reads: launch.reads.map(name => ({ name, scope: scopes.get(name) })) };
    const { part, block } = scopes.get(launch.name) ?? { part: null, block: null };
    if (part === parts.length) {
      const taken = parts.length === 0 ? current.before : [];
      current = { before: taken, blocks: [], after: [] };
      parts.push(current);
    }
    if (typeof part === "number" && block !== null) current.blocks[block] = [...(current.blocks[block] ?? []), kernel];
    else (current.blocks.length === 0 ? current.before : current.after).push(kernel);
  }
  return parts;
}

/** Lists of kernels in order, each with how many blocks run it. */
const stretches = ({ before, blocks, after }: StageKernels, depth: number) => {
  const last = blocks.length - 1;
  return [
    { launches: before, count: 1 },
    ...blocks.map((launches, i) => ({ launches, count: i === 1 && last === 2 ? depth - 2 : 1 })),
    { launches: after, count: 1 },
  ];
};

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

function composed(parts: readonly StageKernels[], { stages }: Model, memory: MemoryRule): Profile {
  const all = parts.flatMap((part, i) => stretches(part, stages[i]?.depth ?? 1));
  const counts = new Map<string, { cost: KernelCost; count: number }>();
  for (const { launches, count } of all)
    for (const { cost } of launches) {
      const key = keyOf(cost);
      counts.set(key, { cost, count: (counts.get(key)?.count ?? 0) + count });
    }
  const weights = all.map(({ launches, count }) => count * sum(launches.map(launch => launch.weights)));
  const { peak, timeline } = memoryOf(named(parts), memory);
  return { kernels: [...counts.values()], weightBytes: sum(weights), scratchBytes: peak, timeline };
}

const keyOf = (cost: KernelCost): string =>
  `${cost.kind} ${cost.macs} ${cost.values} ${cost.fixed} ${cost.each} ${cost.workgroups}`;

/** The kernels of parts that come from different models: each names the last block before it as its own model had it. */
function named(parts: readonly StageKernels[]): readonly Launch[] {
  return parts.flatMap(({ before, blocks, after }, own) => {
    const nameOf = ({ name, scope }: Kernel["reads"][number]): string => {
      if (scope === undefined || typeof scope.part !== "number" || scope.part === own) return name;
      return nameInBlock(name, scope, (parts[scope.part]?.blocks.length ?? 1) - 1);
    };
    return [...before, ...blocks.flat(), ...after].map(kernel => ({ ...kernel, reads: kernel.reads.map(nameOf) }));
  });
}

function memoryOf(launches: readonly Launch[], { apart }: MemoryRule) {
  const last = new Map<string, number>();
  launches.forEach(({ reads }, at) => {
    for (const name of reads) last.set(name, at);
  });
  const written = new Set<string>();
  const lifetimes = launches.flatMap(({ writes, reads }, from) =>
    writes
      .filter(({ name }) => !written.has(name) && written.add(name))
      .map(({ name, bytes }) => ({
        name,
        bytes,
        from,
        to: Math.max(from, last.get(name) ?? from),
        apart: apart ? reads : [],
      })),
  );
  const timeline = launches.map((_, at) =>
    sum(lifetimes.map(({ bytes, from, to }) => (from <= at && at <= to ? bytes : 0))),
  );
  return { peak: sum(layOut(lifetimes, alignment).arenas), timeline };
}
