import { planTraining } from "../compile.ts";
import { ok, type Result } from "../diagnostics/diagnostic.ts";
import { mostImages } from "../emit/wgsl/limits.ts";
import { wgslTarget } from "../emit/wgsl/target.ts";
import type { Model, Recipe } from "../model/model.ts";
import type { SiteLayout } from "../passes/site-layout.ts";
import { bytesMoved, macsOf } from "../plan/cost.ts";
import { bytesOf, type Plan, valuesOf } from "../plan/plan.ts";
import { roundUp } from "../plan/tiles/tile.ts";
import { defaultProfile } from "./subject.ts";

/** A model that is to learn, on WebGPU in f32. */
export interface LearningSubject {
  readonly model: Model;
  readonly recipe: Recipe;
  /** Images of a micro-batch. */
  readonly batch: number;
  readonly sites: SiteLayout;
}

/** What a step of a recipe needs and costs, in bytes; nothing is run for it. */
export interface LearningSummary {
  readonly model: string;
  readonly recipe: string;
  readonly batch: number;
  /** Micro-batches of a step. */
  readonly accumulate: number;
  /** Numbers of a checkpoint. */
  readonly parameters: number;
  readonly memory: LearningMemory;
  /** Multiply-adds of a step, two floating-point operations each. */
  readonly macs: number;
  /** What kernels and the optimizer read and write in a step, each operand once. */
  readonly movedBytes: number;
  /** Of a micro-batch, but for those of the optimizer. */
  readonly kernels: number;
  /** Images of the largest micro-batch that a memory holds. */
  readonly largest: readonly { readonly gibibytes: number; readonly images: number }[];
  /** Images that WebGPU's default limits hold. */
  readonly limit: number;
}

/** Of a micro-batch at work. */
export interface LearningMemory {
  readonly parameters: number;
  /** Those of the micro-batch, and their sum over the step. */
  readonly gradients: number;
  readonly moments: number;
  readonly average: number;
  /** Of the forward pass, for the gradients. */
  readonly kept: number;
  /** All else: packed weights, inputs, partial sums, and what comes and goes. */
  readonly workspace: number;
  readonly total: number;
}

/** What a micro-batch is counted against, in GiB. */
const memories = [8, 24, 80];

/** Parameters begin at multiples of so many elements. */
const align = 64;

export interface Learning {
  readonly summary: LearningSummary;
  readonly plan: Plan;
  /** Bytes that the optimizer moves in a step. */
  readonly optimizerBytes: number;
}

export function summariseLearning({ model, recipe, batch, sites }: LearningSubject): Result<Learning> {
  const target = wgslTarget(defaultProfile.wgsl, false);
  // For one image, so that it is told of larger batches too how much too large they are.
  const planned = planTraining({ model, sites, target, recipe: { ...recipe, batch: 1 } });
  if (!planned.ok) return planned;
  const { plan } = planned.value;
  const { accumulate } = recipe;
  const counts = plan.params.map(({ shape }) => shape.reduce((a, b) => a * b, 1));
  const parameters = 4 * sum(counts.map(count => roundUp(count, align)));
  const average = recipe.ema === null ? 0 : parameters;
  const packed = sum([...plan.buffers.values()].filter(({ role }) => role === "packed").map(bytesOf));
  const ports = (of: Plan["inputs"], perImage: boolean): number =>
    4 * sum(of.filter(port => port.perImage === perImage).map(({ shape }) => shape.reduce((a, b) => a * b, 1)));
  const gradients = ports(plan.outputs, false) + parameters;
  const state = 3 * parameters + average + gradients;
  const whole = state + packed + sum(plan.fixedArenas);
  const each = sum(plan.arenas) + ports(plan.inputs, true);
  const kept = batch * keptBytes(plan);
  const total = whole + batch * each;
  const steps = [...plan.setup, ...plan.steps];
  // A micro-batch: gradients read, sums read and written. An update: all but the gradients read and written, these read twice.
  const optimizerBytes = accumulate * 3 * parameters + 2 * (3 * parameters + average) + 2 * parameters;
  return ok(
    {
      summary: {
        model: model.name,
        recipe: recipe.name,
        batch,
        accumulate,
        parameters: sum(counts),
        memory: {
          parameters,
          gradients,
          moments: 2 * parameters,
          average,
          kept,
          workspace: total - state - kept,
          total,
        },
        macs: accumulate * batch * sum(plan.steps.map(macsOf)),
        movedBytes: accumulate * bytesMoved({ steps }, batch) + optimizerBytes,
        kernels: steps.length,
        largest: memories.map(gibibytes => ({
          gibibytes,
          images: Math.max(0, Math.floor((gibibytes * 2 ** 30 - whole) / each)),
        })),
        limit: mostImages(plan),
      },
      plan,
      optimizerBytes,
    },
    planned.diagnostics,
  );
}

/** Bytes of scratch memory, of an image, that are written before the loss is known and read after it. */
function keptBytes({ steps, outputs, buffers }: Plan): number {
  const loss = outputs.find(({ name }) => name === "loss")?.buffer;
  const at = steps.findIndex(step => valuesOf(step, "write").some(value => value === loss));
  const written = new Set(steps.slice(0, at + 1).flatMap(step => valuesOf(step, "write")));
  const read = new Set(steps.slice(at + 1).flatMap(step => valuesOf(step, "read")));
  const kept = [...buffers.values()].filter(
    ({ name, role, perImage }) => role === "scratch" && perImage && written.has(name) && read.has(name),
  );
  return sum(kept.map(bytesOf));
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
