import { bytesText, grouped } from "../html/figures.ts";
import { textTable } from "../html/text-table.ts";
import type { LearningMemory, LearningSummary } from "./learning.ts";

/** Seconds of a step on a device, as the cost model has it. */
export interface StepTime {
  readonly device: string;
  readonly seconds: number;
}

export interface PredictedLearning extends LearningSummary {
  readonly predicted: readonly StepTime[];
}

const rows: { readonly [K in keyof LearningMemory]: string } = {
  parameters: "parameters",
  gradients: "gradients",
  moments: "moments",
  average: "average",
  kept: "kept for the gradients",
  workspace: "workspace",
  total: "all",
};

/** What a step needs and costs, for a terminal. */
export function learningText(summary: PredictedLearning): string {
  const { model, recipe, batch, accumulate, parameters, memory, macs, movedBytes, kernels, largest, limit } = summary;
  const images = (count: number): string => `${grouped(count)} image${count === 1 ? "" : "s"}`;
  const figures = Object.entries(rows).map(([name, text]) => [text, bytesText(memory[name as keyof LearningMemory])]);
  const micro = accumulate === 1 ? "a step" : `a micro-batch, ${grouped(accumulate)} micro-batches a step`;
  const lines = [
    `${model} by ${recipe}: ${images(batch)} ${micro}`,
    `wgsl f32, ${grouped(parameters)} parameters, ${kernels} kernels a micro-batch`,
    "",
    ...textTable([{ name: "memory" }, { name: "bytes", figures: true }], figures),
    "",
    `a step: ${grouped(macs)} MACs, ${((2 * macs) / 1e12).toPrecision(3)} TFLOP, ${(movedBytes / 1e9).toPrecision(3)} GB moved`,
    `predicted: ${summary.predicted.map(({ device, seconds }) => `${device} ${secondsText(seconds)}`).join(", ")}`,
    `largest micro-batch: ${largest.map(({ gibibytes, images }) => `${gibibytes} GiB ${grouped(images)}`).join(", ")}`,
    `WebGPU's default limits hold ${images(limit)}${limit < batch ? ": lower batch" : ""}`,
  ];
  return `${lines.join("\n")}\n`;
}

const secondsText = (seconds: number): string =>
  seconds < 1 ? `${(1000 * seconds).toPrecision(3)} ms` : `${seconds.toPrecision(3)} s`;
