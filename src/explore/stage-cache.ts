import type { Result } from "../diagnostics/diagnostic.ts";
import { ok } from "../diagnostics/diagnostic.ts";
import { nameInBlock } from "../graph/scope.ts";
import type { Model } from "../model/model.ts";
import { type Lifetime, layOut } from "../plan/memory.ts";
import { alignment } from "../plan/place.ts";
import type { KernelCost, Launch, ScopedValue } from "./profile.ts";

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

/** A stage's kernels, with what comes before its first block, after its last, and of the head or decoder behind it. */
interface StageKernels {
  readonly before: readonly Launch[];
  readonly blocks: readonly (readonly Launch[])[];
  readonly after: readonly Launch[];
  readonly behind: readonly Launch[];
}

/** Compiles a model as far as its kernels. */
export type Compile = (model: Model) => Result<readonly Launch[]>;

/** WebGPU may not read and write one buffer in one dispatch, so values that meet lie in buffers of their own. */
export interface MemoryRule {
  readonly apart: boolean;
}

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
    partsOf(launches.value).forEach((part, i) => {
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

/**
 * Cuts a pass at its stages: the first begins with the stem. What stands behind them belongs to the last stage that it
 * comes from: the head of each level of a feature extractor to the level's own, a classifier or a decoder to the last.
 */
function partsOf(launches: readonly Launch[]): readonly StageKernels[] {
  const parts: { before: Launch[]; blocks: Launch[][]; after: Launch[]; behind: Launch[] }[] = [];
  const stem: Launch[] = [];
  const origins = new Map<string, number>();
  for (const launch of launches) {
    const { part, block } = launch.scope;
    if (part === parts.length)
      parts.push({ before: parts.length === 0 ? stem : [], blocks: [], after: [], behind: [] });
    const known = launch.reads.flatMap(({ name }) => origins.get(name) ?? []);
    const origin = typeof part === "number" ? part : known.length > 0 ? Math.max(...known) : parts.length - 1;
    const of = parts[origin];
    if (of === undefined) stem.push(launch);
    else if (part === "head" || part === "decoder") of.behind.push(launch);
    else if (block !== null) of.blocks[block] = [...(of.blocks[block] ?? []), launch];
    else (of.blocks.length === 0 ? of.before : of.after).push(launch);
    if (of !== undefined) for (const { name } of launch.writes) origins.set(name, origin);
  }
  return parts;
}

/** Lists of kernels in order, each with how many blocks run it. */
const stretches = ({ before, blocks, after, behind }: StageKernels, depth: number) => {
  const last = blocks.length - 1;
  return [
    { launches: before, count: 1 },
    ...blocks.map((launches, i) => ({ launches, count: i === 1 && last === 2 ? depth - 2 : 1 })),
    { launches: [...after, ...behind], count: 1 },
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
  const depths = stages.map(({ depth }) => depth);
  const lasting = lifetimesOf(named(parts, depths), memory);
  const counters = Math.max(...all.flatMap(({ launches }) => launches.map(launch => launch.counters)));
  return {
    kernels: [...counts.values()],
    weightBytes: sum(weights),
    scratchBytes: sum(layOut(lasting, alignment).arenas) + counters,
    /** Of few variants it is looked at. */
    get timeline() {
      const short = named(
        parts,
        parts.map(({ blocks }) => blocks.length),
      );
      return timelineOf(short, lifetimesOf(short, memory));
    },
  };
}

const keyOf = (cost: KernelCost): string =>
  `${cost.kind} ${cost.macs} ${cost.values} ${cost.fixed} ${cost.each} ${cost.workgroups}`;

/** A launch with what it reads by the names that the whole has for it. */
type Named = Omit<Launch, "reads"> & { readonly reads: readonly string[] };

/** The kernels of stages that come from different models, in order, where each has so many blocks. */
function named(parts: readonly StageKernels[], depths: readonly number[]): readonly Named[] {
  const whole = parts.map((part, own) => {
    const depth = depths[own] as number;
    const later = depth - part.blocks.length;
    /** Blocks of the own stage are `shift` further on than in the model that they come from. */
    const renamed = (launches: readonly Launch[], shift: number): readonly Named[] => {
      const nameOf = ({ name, scope }: ScopedValue): string => {
        if (typeof scope.part !== "number") return name;
        const block = scope.part === own ? (scope.block ?? 0) + shift : (depths[scope.part] ?? 1) - 1;
        return nameInBlock(name, scope, block);
      };
      return launches.map(launch => ({
        ...launch,
        reads: launch.reads.map(nameOf),
        writes: launch.writes.map(({ name, bytes }) => ({ name: nameOf({ name, scope: launch.scope }), bytes })),
      }));
    };
    const [first = [], between = [], last = []] = part.blocks;
    const blocks =
      later === 0
        ? part.blocks.map(block => renamed(block, 0))
        : [
            renamed(first, 0),
            ...Array.from({ length: depth - 2 }, (_, i) => renamed(between, i)),
            renamed(last, later),
          ];
    return {
      inside: [...renamed(part.before, 0), ...blocks.flat(), ...renamed(part.after, later)],
      behind: renamed(part.behind, later),
    };
  });
  return [...whole.flatMap(({ inside }) => inside), ...whole.flatMap(({ behind }) => behind)];
}

function lifetimesOf(launches: readonly Named[], { apart }: MemoryRule): readonly Lifetime[] {
  const last = new Map<string, number>();
  launches.forEach(({ reads }, at) => {
    for (const name of reads) last.set(name, at);
  });
  const written = new Set<string>();
  return launches.flatMap(({ writes, reads }, from) =>
    writes
      .filter(({ name }) => !written.has(name) && written.add(name))
      .map(({ name, bytes }) => {
        return { name, bytes, from, to: Math.max(from, last.get(name) ?? from), apart: apart ? reads : [] };
      }),
  );
}

function timelineOf(launches: readonly Named[], lifetimes: readonly Lifetime[]): readonly number[] {
  const changes = new Array<number>(launches.length + 1).fill(0);
  for (const { bytes, from, to } of lifetimes) {
    changes[from] = (changes[from] as number) + bytes;
    changes[to + 1] = (changes[to + 1] as number) - bytes;
  }
  let alive = 0;
  return launches.map((_, at) => {
    alive += changes[at] as number;
    return alive;
  });
}
