import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { renderTemplate } from "../../src/embedded/render-template.ts";
import { defaultsWith } from "../../src/emit/cuda/candidates.ts";
import { kernelText } from "../../src/emit/cuda/files.ts";
import type { CudaKernel } from "../../src/emit/cuda/kernels/shared.ts";
import { sourceOf } from "../../src/emit/cuda/kernels.ts";
import { cudaPasses } from "../../src/emit/cuda/target.ts";
import type { PatchGrid } from "../../src/graph/ops.ts";
import type { Precision, StorageType } from "../../src/model/model.ts";
import type { KernelKind, KernelParams } from "../../src/plan/kernels.ts";
import type { KernelCall, Plan, Step } from "../../src/plan/plan.ts";
import type { Schedule } from "../../src/plan/schedule.ts";
import { runSchedulePasses } from "../../src/plan/schedule-pass.ts";
import { type DepthwiseChoice, depthwiseKey } from "../../src/plan/tiles/tuned-choices.ts";
import { builtOnce } from "./built-once.ts";

/** A generated kernel, run alone. */
export interface KernelCase {
  readonly name: string;
  readonly kind: KernelKind;
  readonly params: KernelParams[KernelKind];
  readonly dtype: StorageType;
  /** Products of f32 from operands rounded to TF32. */
  readonly tf32?: boolean;
  /** Most blocks that share the k of a tile. */
  readonly split?: number;
  /** What a depthwise convolution does, where it is not what is usual. */
  readonly depthwise?: DepthwiseChoice;
  readonly batch: number;
  /** The largest batch that the kernel is made for, which decides its tile; `batch` where it is left out. */
  readonly built?: number;
  /** What must be right at most so far off, relative in l2. */
  readonly tolerance: number;
  /** Plants a fault in the generated text; null in a case that must pass. */
  readonly fault: ((text: string) => string) | null;
}

const kindLetters = { f32: "f", f16: "h", bf16: "b" } as const satisfies Record<StorageType, string>;
const letters = { f32: "f", i32: "i", u32: "u" } as const;
const references: { readonly [K in KernelKind]?: string } = {
  gemm: "product",
  mlp: "mlp",
  downsample: "product",
  depthwise: "depthwise",
  stem: "stem",
  pool: "pool",
  sumSquares: "sum_squares",
  elementwise: "elementwise",
  patchTable: "patch_table",
  gatherSites: "gather_sites",
  placeSites: "place_sites",
  siteDepthwise: "site_depthwise",
  averagePool: "average_pool",
  siteError: "site_error",
  maskedMean: "masked_mean",
  weightGrad: "weight_grad",
  depthwiseGrad: "depthwise_grad",
  columnSums: "column_sums",
  columnTotals: "column_totals",
  normalizeGrad: "normalize_grad",
  pointwise: "gelu_grad",
  grnGrad: "grn_grad",
  crossEntropyGrad: "cross_entropy_grad",
};

/** Where a mask's patches lie, of whatever kernel has one, and how many of them it keeps. */
function patchesOf(params: KernelParams[KernelKind]): Readonly<Record<string, number>> {
  const { mask, grid, patches, ...own } = params as unknown as {
    readonly [name: string]: unknown;
    readonly mask?: PatchGrid | null;
    readonly grid?: PatchGrid | null;
    readonly patches?: number;
  };
  if (patches !== undefined) return { patch_rows: 1, patch_columns: patches, patch_keep: Math.floor(patches / 3) };
  const place = mask ?? grid ?? (own as unknown as PatchGrid);
  return { patch_rows: place.rows, patch_columns: place.columns, patch_keep: place.keep ?? 0 };
}

/** Every whole number and every flag of a kernel's context, a nested one as `mask_down`. */
const numbersOf = (context: object, before = ""): readonly string[] =>
  Object.entries(context).flatMap(([name, value]) => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return numbersOf(value, `${name}_`);
    return typeof value === "boolean" || Number.isInteger(value) ? [`{"${before}${name}", ${Number(value)}}`] : [];
  });

/** One program that holds all cases. */
export async function buildHarness(cases: readonly KernelCase[], flags: readonly string[] = []): Promise<Harness> {
  const runs = cases.map(({ name }) => `namespace ${name} { Run run; }`).join("\n");
  const folder = await builtOnce(
    "harness",
    {
      "device.h": renderTemplate("cuda/device", { silu: true, relu: true }),
      "kernels.h": `#pragma once\n#include "device.h"\nnamespace cnxc_bench {\nusing Run = int(int batch, void *const *operand, cnx::Stream stream);\n${runs}\n}\n`,
      ...Object.fromEntries(cases.map(one => [`${one.name}.cu`, textOf(one)])),
      "cases.h": tableOf(cases),
      "harness.cpp": readFileSync(path.join(import.meta.dirname, "../emit/cuda/harness.cpp"), "utf8"),
    },
    [["g++", "-std=c++20", "-O1", "-fno-strict-aliasing", "-pthread", ...flags, "-I.", "harness.cpp", "-o", "harness"]],
  );
  return {
    run: names => {
      const env = { ...process.env, ASAN_OPTIONS: "detect_leaks=0:detect_stack_use_after_return=0" };
      const { status, stdout, stderr } = spawnSync(path.join(folder, "harness"), names, {
        encoding: "utf8",
        env,
        timeout: 900_000,
      });
      return { code: status, said: `${stdout}${stderr}` };
    },
  };
}

export interface Harness {
  readonly run: (names: readonly string[]) => { readonly code: number | null; readonly said: string };
}

const precisionOf = ({ dtype, tf32 }: KernelCase): Precision => (tf32 ? "tf32" : dtype);

/** The case as the passes of a build leave it. */
function stepOf(of: KernelCase): Pick<Step, "kind" | "params"> {
  const { kind, params, split = 1, depthwise, batch, built = batch } = of;
  const call = { name: of.name, kind, params, reads: {}, writes: {} } as unknown as KernelCall;
  const products = defaultsWith([call], built, { split });
  const key = depthwise && depthwiseKey(params as KernelParams["depthwise"]);
  const tuned = { ...products, depthwise: new Map(depthwise && [[key ?? "", depthwise]]) };
  const schedule = { batch: { min: 1, max: built }, outputs: [], setup: [], steps: [call] } as unknown as Schedule;
  const [step] = runSchedulePasses(schedule, cudaPasses(precisionOf(of), tuned), {}).steps;
  return step as KernelCall;
}

const planOf = (of: KernelCase): Plan =>
  ({ name: "bench", precision: precisionOf(of), batch: { min: 1, max: of.built ?? of.batch } }) as unknown as Plan;

const kernelOf = (of: KernelCase): CudaKernel => sourceOf(stepOf(of), planOf(of));

function textOf(one: KernelCase): string {
  const text = kernelText({ ...stepOf(one), name: one.name } as Step, planOf(one));
  const changed = one.fault?.(text) ?? text;
  if (one.fault !== null && changed === text) throw new Error(`the fault of '${one.name}' changes nothing`);
  return changed;
}

function tableOf(cases: readonly KernelCase[]): string {
  const rows = cases.map(one => {
    const { name, kind, params, dtype, batch, tolerance } = one;
    const kernel = kernelOf(one);
    const c = kernel.context as Readonly<Record<string, number | boolean | null | string>>;
    const p = params as unknown as Readonly<Record<string, number | undefined>>;
    const operands = kernel.operands.map(({ role: operand, storage, elements, perImage, access }) => {
      const letter = storage === "dtype" || storage === "matrix" ? kindLetters[dtype] : letters[storage];
      return `{"${operand}", '${letter}', ${elements}u, ${perImage}, ${access === "read"}}`;
    });
    const numbers = [
      p.rows ?? c.rows ?? p.sites ?? 0,
      c.depth !== undefined && kind !== "stem" ? c.depth : (p.inChannels ?? 0),
      p.columns ?? 0,
      c.weightRow ?? 0,
      p.height ?? 0,
      p.width ?? 0,
      p.channels ?? c.channels ?? 0,
      p.kernel ?? p.patch ?? 0,
    ];
    const flags = [c.scaled ?? false, c.norm ?? false, c.gelu ?? false, c.residual ?? false, c.finish ?? false].map(
      flag => flag !== false && flag !== null,
    );
    const all = [...numbersOf(kernel.context), ...numbersOf(patchesOf(params))];
    return `  {"${name}", cnxc_bench::${name}::run, "${references[kind] ?? ""}", ${batch}, ${tolerance}, ${numbers.join(", ")}, ${flags.join(", ")}, {${operands.join(", ")}}, {${all.join(", ")}}},`;
  });
  return `#include "kernels.h"
${cases.map(({ name }) => `#include "${name}.cu"`).join("\n")}
#include <map>
#include <string>
#include <vector>
struct Operand {
  const char *name;
  char kind; // f: f32, h: f16, b: bf16, i: int32, u: counters
  size_t elements;
  bool per_image, read;
};
struct Case {
  const char *name;
  cnxc_bench::Run *run;
  const char *reference;
  int batch;
  double tolerance;
  int rows, depth, columns, weight_row, height, width, channels, kernel;
  bool scaled, norm, gelu, residual, squares;
  std::vector<Operand> operands;
  std::map<std::string, int> of; // numbers of the kernel's context by name, and where a mask's patches lie
};
const Case cases[] = {
${rows.join("\n")}
};
`;
}
