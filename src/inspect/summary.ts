import { ok, type Result } from "../diagnostics/diagnostic.ts";
import { parametersByPart } from "../model/count.ts";
import { type Head, type Model, stageSites } from "../model/model.ts";
import { partNames } from "./parts.ts";
import { planSubject } from "./plan-subject.ts";
import { bytesMovedBy, type Runs, runsOf } from "./runs.ts";
import type { KernelTargetName, Subject } from "./subject.ts";

/** What a model is and what a pass of it costs, part by part. Everything counts one pass of the largest batch. */
export interface Summary {
  readonly name: string;
  readonly target: KernelTargetName;
  readonly dtype: Subject["dtype"];
  readonly batch: Subject["batch"];
  readonly input: Model["input"];
  /** In words: `classifier of 1000`. */
  readonly head: string;
  readonly parts: readonly PartCost[];
  readonly total: Cost;
  /** Of what stays on the device between passes. */
  readonly weightBytes: number;
  readonly scratchBytes: number;
}

export interface Cost {
  readonly parameters: number;
  /** Multiply-adds: two floating-point operations each. */
  readonly macs: number;
  /** Kernels of a pass. */
  readonly kernels: number;
  /** That kernels read and write, each operand once: what crosses memory where nothing is cached. */
  readonly bytes: number;
}

export interface PartCost extends Cost {
  readonly name: string;
  /** The maps it makes; null for what stands behind the stages. */
  readonly map: { readonly height: number; readonly width: number; readonly channels: number } | null;
  /** Blocks and the side of their depthwise kernel; null where there are none. */
  readonly blocks: { readonly count: number; readonly kernel: number } | null;
}

export function summarise(subject: Subject): Result<Summary> {
  const planned = planSubject(subject);
  if (!planned.ok) return planned;
  return ok(summaryOf(subject, runsOf(planned.value.plan, subject.target)), planned.diagnostics);
}

export function summaryOf(
  { model, target, dtype, batch }: Subject,
  { runs, weightBytes, scratchBytes }: Runs,
): Summary {
  const { stem, stages, head } = parametersByPart(model);
  const parameters = [stem, ...stages, head];
  const shapes = shapesOf(model);
  const parts = partNames(model).map((name, i): PartCost => {
    const own = runs.filter(({ part }) => part === name);
    return {
      name,
      ...(shapes[i] ?? { map: null, blocks: null }),
      parameters: parameters[i] ?? 0,
      macs: batch.max * sum(own.map(({ macs }) => macs)),
      kernels: own.length,
      bytes: sum(own.map(run => bytesMovedBy(run, batch.max))),
    };
  });
  const over = (key: keyof Cost): number => sum(parts.map(part => part[key]));
  return {
    name: model.name,
    target,
    dtype,
    batch,
    input: model.input,
    head: headText(model.head),
    parts,
    total: { parameters: over("parameters"), macs: over("macs"), kernels: over("kernels"), bytes: over("bytes") },
    weightBytes,
    scratchBytes: scratchBytes * batch.max,
  };
}

/** Of the stem and the stages, in order. */
function shapesOf(model: Model): readonly Pick<PartCost, "map" | "blocks">[] {
  const { stages } = model;
  const map = (stage: number, channels: number) => ({ ...stageSites(model, stage), channels });
  return [
    { map: map(0, stages[0]?.dim ?? 0), blocks: null },
    ...stages.map(({ dim, depth, kernel }, i) => ({ map: map(i, dim), blocks: { count: depth, kernel } })),
  ];
}

export function headText(head: Head): string {
  if (head.kind === "classifier") return head.classes === 0 ? "pooled features" : `classifier of ${head.classes}`;
  if (head.kind === "features") {
    const most = head.outputStride === undefined ? "" : `, output stride ${head.outputStride}`;
    return `features of levels ${head.levels.join(", ")}${most}`;
  }
  return `fcmae, ${head.patchSize}-pixel patches, ${head.maskRatio} of them removed`;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
