import { invariant } from "../../diagnostics/invariant.ts";
import type { ValueId } from "../../graph/graph.ts";
import type { StorageType } from "../../model/model.ts";
import type { PackParams } from "../../plan/kernels/pack.ts";
import { layOut } from "../../plan/memory.ts";
import { checkStorage } from "../../plan/numerics.ts";
import type { Plan, Step } from "../../plan/plan.ts";
import { roundUp } from "../../plan/tile.ts";
import { productKey, type TunedChoices } from "../../plan/tuned-choices.ts";
import { mlpFits } from "./kernels/mlp.ts";
import { widen } from "./kernels/rows.ts";
import {
  type CudaChoices,
  type CudaKernel,
  defaultChoices,
  elementBytes,
  type OperandStorage,
  storageBytes,
  type WorkUnit,
} from "./kernels/shared.ts";
import { cudaKernelOf, type LaunchKind, type LaunchParams } from "./kernels.ts";

/** One kernel launch: values in the order of the kernel's operands. */
export interface Launch {
  /** The value it is named after. */
  readonly name: ValueId;
  /** Index into `kernels`. */
  readonly kernel: number;
  readonly operands: readonly ValueId[];
}

/** A distinct kernel, named after the first value it computes. */
export interface NamedKernel {
  readonly name: ValueId;
  readonly kernel: CudaKernel;
}

/** Where a value lies; offsets in the workspace are bytes of one image. */
export type Allocation =
  | { readonly kind: "weights" | "workspace"; readonly at: number }
  | { readonly kind: "counters" }
  | { readonly kind: "port"; readonly at: number };

export interface Packing {
  readonly params: PackParams;
  readonly reads: Readonly<Record<string, ValueId>>;
  readonly packed: ValueId;
  readonly packedBias: ValueId;
  readonly inStorageType: boolean;
}

/** A plan as CUDA runs it: launches, where every value lies, and how weights are packed. */
export interface CudaProgram {
  readonly plan: Plan;
  readonly dtype: StorageType;
  /** Products are made from operands rounded to TF32. */
  readonly tf32: boolean;
  readonly kernels: readonly NamedKernel[];
  readonly launches: readonly Launch[];
  readonly setup: readonly Packing[];
  readonly allocations: ReadonlyMap<ValueId, Allocation>;
  /** Parameters that kernels read as they are. */
  readonly kept: readonly ValueId[];
  readonly weightBytes: number;
  readonly imageBytes: number;
  /** Of an image: as many counters as the launch with the most of them wants. */
  readonly counterBytes: number;
}

/** Not a value of the plan: how many blocks have arrived, of an image or of a tile, zero between launches. */
const counters = "block counters";

/** What a launch needs besides the values of the plan: counters, and room for the sums of blocks that share a tile. */
const ownValues = (name: ValueId): Readonly<Record<string, ValueId>> => ({
  counter: counters,
  partials: `${name}.partials`,
});

interface Sized {
  readonly storage: OperandStorage;
  readonly elements: number;
  readonly perImage: boolean;
}

export function cudaProgram(plan: Plan, dtype: StorageType, given: Partial<CudaChoices> = {}): CudaProgram {
  const choices = { ...defaultChoices, ...given };
  const work = rematerialised(withGrnEpilogue(plan.steps), plan, dtype, choices.tuned);
  const named = new Map<string, { readonly at: number; readonly kernel: CudaKernel; readonly name: ValueId }>();
  const launches = work.map(({ name, kind, params, ...of }): Launch => {
    const key = `${kind} ${JSON.stringify(params)}`;
    const known = named.get(key);
    const kernel = known?.kernel ?? cudaKernelOf(kind, params, { dtype, batch: plan.batch.max, choices });
    invariant(kernel, `CUDA has no kernel for '${name}'`);
    const entry = known ?? { at: named.size, kernel, name };
    named.set(key, entry);
    const values = { ...ownValues(name), ...of.values };
    const operands = kernel.operands.map(operand => {
      const value = values[operand.name];
      invariant(value !== undefined, `${kind} '${name}' has nothing for '${operand.name}'`);
      return value;
    });
    return { name, kernel: entry.at, operands };
  });
  const made = [...named.values()].map(({ name, kernel }) => ({ name, kernel }));
  const copies = dtype === "f32" ? [] : widened(plan, sizesOf(launches, made));
  const all = {
    kernels: [...made, ...copies.map(({ to, length }) => ({ name: to, kernel: widen(length) }))],
    launches: [
      ...launches,
      ...copies.map(({ from, to }, i) => ({ name: to, kernel: made.length + i, operands: [from, to] })),
    ],
  };
  for (const { name, kernel } of all.kernels)
    checkStorage(
      name,
      kernel.operands.map(({ name, storage }) => ({ name, half: storage === "dtype" && dtype !== "f32" })),
    );
  const sizes = sizesOf(all.launches, all.kernels);
  const tf32 = dtype === "f32" && choices.tf32;
  return { plan, dtype, tf32, ...all, ...allocate(plan, { dtype, tf32 }, all, sizes) };
}

/** Outputs that kernels keep in 16 bits: the caller's buffer gets a copy in f32. */
const widened = (plan: Plan, sizes: ReadonlyMap<ValueId, Sized>) =>
  [...new Set(plan.outputs.map(({ buffer }) => buffer))]
    .filter(buffer => sizes.get(buffer)?.storage === "dtype")
    .map(from => ({ from, to: copyOf(from), length: sizes.get(from)?.elements ?? 0 }));

const copyOf = (value: ValueId): ValueId => `${value}.f32`;

/** What a launch must do at least: its operations of an image, and the bytes of its operands, each counted once. */
export interface LaunchCost {
  readonly unit: WorkUnit;
  readonly flops: number;
  /** Bytes whatever the batch, and of each image. */
  readonly fixed: number;
  readonly each: number;
}

export function launchCost({ kernels, dtype }: CudaProgram, launch: Launch): LaunchCost {
  const { operands, work } = (kernels[launch.kernel] as NamedKernel).kernel;
  const bytes = (perImage: boolean): number =>
    operands
      .filter(operand => operand.perImage === perImage)
      .reduce((sum, { storage, elements }) => sum + elements * elementBytes(storage, dtype), 0);
  return { ...work, fixed: bytes(false), each: bytes(true) };
}

/** What one launch does, with its values by the name that the kernel has for them. */
interface Work<K extends LaunchKind = LaunchKind> {
  readonly name: ValueId;
  readonly kind: K;
  readonly params: LaunchParams<K>;
  readonly values: Readonly<Record<string, ValueId>>;
}

const isProduct = (work: Work): work is Work<"gemm"> => work.kind === "gemm";

/**
 * Makes GRN's small step an epilogue of the product that leaves the squares: its last block of an image does it. Only a
 * factor over the whole batch stays a launch.
 */
function withGrnEpilogue(steps: readonly Step[]): readonly Work[] {
  const merged: Work[] = [];
  /** Where the product is that leaves these squares. */
  const leaving = new Map<ValueId, number>();
  for (const step of steps) {
    const at = step.kind === "grnScale" ? (leaving.get(step.reads.partials ?? "") ?? -1) : -1;
    const before = merged[at];
    if (step.kind === "grnScale" && !step.params.batch && before) {
      const values = { ...before.values, gamma: step.reads.gamma ?? "", ...step.writes };
      merged[at] = { ...before, params: { ...before.params, grnEpilogue: true } as LaunchParams, values };
      continue;
    }
    if (step.kind === "gemm" && step.writes.squares !== undefined) leaving.set(step.writes.squares, merged.length);
    const params = step.kind === "gemm" ? { ...step.params, grnEpilogue: false, stored: true } : step.params;
    merged.push({ name: step.name, kind: step.kind, params, values: { ...step.reads, ...step.writes } });
  }
  return merged;
}

/** The linears of a block, where nobody but the second reads what the first makes. */
export interface Pair {
  readonly expand: Work<"gemm">;
  readonly project: Work<"gemm">;
}

/** Every pair of linears that may be one launch. */
export const pairsOf = (plan: Plan): readonly Pair[] => pairsIn(withGrnEpilogue(plan.steps), plan);

function pairsIn(work: readonly Work[], plan: Plan): readonly Pair[] {
  const users = new Map<ValueId, Work[]>();
  for (const one of work)
    for (const value of new Set(Object.values(one.values))) {
      const known = users.get(value);
      if (known === undefined) users.set(value, [one]);
      else known.push(one);
    }
  return work.filter(isProduct).flatMap(expand => {
    const hidden = expand.values.output as ValueId;
    const [, project, ...others] = users.get(hidden) ?? [];
    const alone = others.length === 0 && !plan.outputs.some(({ buffer }) => buffer === hidden);
    return project && alone && isProduct(project) && project.values.input === hidden ? [{ expand, project }] : [];
  });
}

/**
 * Where a tuning table says so, the first linear of a block leaves only its statistics, and one launch makes both linears
 * once GRN's factors are known: it rematerialises the hidden values between them, which are never stored.
 */
function rematerialised(
  work: readonly Work[],
  plan: Plan,
  dtype: StorageType,
  { mlps }: TunedChoices,
): readonly Work[] {
  const taken = new Map<Work, Work>();
  for (const { expand, project } of mlps.size === 0 ? [] : pairsIn(work, plan)) {
    const choice = mlps.get(productKey(expand.params));
    const params = choice && { expand: expand.params, project: project.params, choice };
    if (params === undefined || !mlpFits(params, dtype)) continue;
    const { weight: weight1 = "", bias: bias1 = "", input = "" } = expand.values;
    const { weight: weight2 = "", bias: bias2 = "", scale = "", residual = "", output = "" } = project.values;
    const values = { input, weight1, bias1, scale, weight2, bias2, residual, output };
    taken.set(expand, { ...expand, params: { ...expand.params, stored: false } });
    taken.set(project, { name: project.name, kind: "mlp", params, values });
  }
  return work.map(one => taken.get(one) ?? one);
}

/** Parameters that the kernels of an f16 build read in 16 bits. */
export const cudaF16Params = (plan: Plan): ReadonlySet<string> =>
  new Set(
    cudaProgram(plan, "f16").setup.flatMap(({ reads, inStorageType }) => (inStorageType ? [reads.weight ?? ""] : [])),
  );

/** Every value with its storage; kernels must agree on it. */
function sizesOf(launches: readonly Launch[], kernels: readonly NamedKernel[]): ReadonlyMap<ValueId, Sized> {
  const sizes = new Map<ValueId, Sized>();
  for (const launch of launches) {
    const { operands } = (kernels[launch.kernel] as NamedKernel).kernel;
    operands.forEach(({ storage, elements, perImage }, i) => {
      const value = launch.operands[i] as ValueId;
      const known = sizes.get(value);
      invariant(!known || known.storage === storage, `kernels store '${value}' in two ways`);
      invariant(!known || known.perImage === perImage, `'${value}' is both batched and not`);
      sizes.set(value, { storage, perImage, elements: Math.max(elements, known?.elements ?? 0) });
    });
  }
  return sizes;
}

const alignment = 256;

function allocate(
  plan: Plan,
  { dtype, tf32 }: Pick<CudaProgram, "dtype" | "tf32">,
  { launches, kernels }: Pick<CudaProgram, "launches" | "kernels">,
  sizes: ReadonlyMap<ValueId, Sized>,
): Pick<CudaProgram, "setup" | "allocations" | "kept" | "weightBytes" | "imageBytes" | "counterBytes"> {
  const bytes = ({ storage, elements }: Sized): number => elements * elementBytes(storage, dtype);
  const allocations = new Map<ValueId, Allocation>();
  const ports = [...plan.inputs, ...plan.outputs];
  ports.forEach(({ name, buffer }, at) => {
    const value = sizes.has(copyOf(buffer)) ? copyOf(buffer) : buffer;
    invariant(dtype === "f32" || sizes.get(value)?.storage === "f32", `'${name}' is not stored as f32`);
    allocations.set(value, { kind: "port", at });
  });
  const setup = plan.setup.map((step): Packing => {
    invariant(step.kind === "pack", `'${step.name}' is no packing`);
    const { packed = "", packed_bias: packedBias = "" } = step.writes;
    const storage = sizes.get(packed)?.storage;
    return {
      params: step.params,
      reads: step.reads,
      packed,
      packedBias,
      inStorageType: storage === "matrix" || (storage === "dtype" && !tf32), // tensor cores do not see the classifier
    };
  });
  const names = new Set(plan.params.map(({ name }) => name));
  const kept = [...sizes.keys()].filter(value => names.has(value));
  let weightBytes = 0;
  const reserve = (value: ValueId, size: number): void => {
    allocations.set(value, { kind: "weights", at: weightBytes });
    weightBytes += roundUp(size, alignment);
  };
  for (const value of kept) reserve(value, bytes(sizes.get(value) as Sized));
  for (const { params, packed, packedBias, inStorageType } of setup) {
    reserve(packed, params.packed.depth * params.packed.columns * (inStorageType ? storageBytes[dtype] : 4));
    reserve(packedBias, params.packed.columns * 4);
  }
  const counted = sizes.get(counters);
  if (counted) allocations.set(counters, { kind: "counters" });

  const scratch = [...sizes].filter(([value]) => !allocations.has(value));
  const { written, used } = usesOf(launches, kernels);
  const lifetimes = scratch.map(([name, size]) => {
    const from = written.get(name);
    invariant(from !== undefined, `nothing writes '${name}'`);
    return { name, bytes: bytes(size), from, to: used.get(name) ?? from, apart: [] };
  });
  const { slots, arenas } = layOut(lifetimes, alignment);
  const starts = arenas.map((_, i) => arenas.slice(0, i).reduce((a, b) => a + b, 0));
  for (const [name, { arena, offset }] of slots) {
    allocations.set(name, { kind: "workspace", at: (starts[arena] as number) + offset });
  }
  const imageBytes = arenas.reduce((a, b) => a + b, 0);
  return { setup, allocations, kept, weightBytes, imageBytes, counterBytes: counted ? bytes(counted) : 0 };
}

/** Indices of the launch that first writes each value and of the last that has it for an operand. */
function usesOf(launches: readonly Launch[], kernels: readonly NamedKernel[]) {
  const written = new Map<ValueId, number>();
  const used = new Map<ValueId, number>();
  for (const [at, { kernel, operands }] of launches.entries())
    for (const [i, value] of operands.entries()) {
      const writes = kernels[kernel]?.kernel.operands[i]?.access === "write";
      if (writes && !written.has(value)) written.set(value, at);
      used.set(value, at);
    }
  return { written, used };
}
