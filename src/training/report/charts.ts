import { grouped } from "../../html/figures.ts";
import { type ChartLine, type LineChart, lineChart } from "../../html/line-chart.ts";
import { linear, logarithmic, type Scale, scaleOf } from "../../html/scale.ts";
import { type Figures, figureKinds } from "../validation/figures.ts";
import { binned, type Evaluation, type History, smoothed } from "./history.ts";

/** Points of a curve: more are not told apart. */
const mostPoints = 400;
/** Places of a chart that can be pointed at. */
const mostReadings = 60;

/** Steps from 0 to the last, as all charts have them. */
const stepScale = ({ steps, evaluations }: History): Scale =>
  linear(0, Math.max(1, steps.at(-1) ?? 0, evaluations.at(-1)?.step ?? 0), 5);

const finite = (values: readonly (number | null | undefined)[]): readonly number[] =>
  values.filter((value): value is number => typeof value === "number" && Number.isFinite(value));

/** Up to four digits, no more than are needed. */
const digits = (value: number): string => `${Number(value.toPrecision(4))}`;

const common = (history: History) => ({ x: stepScale(history), xText: grouped });

const marksOf = ({ skipped }: History): LineChart["marks"] => ({
  name: "skipped, gradients not finite",
  at: skipped.slice(0, mostPoints),
});

/** The loss of every step, smoothed, and of the pictures that are held out. */
export function lossChart(history: History): string {
  const { steps, loss } = history;
  const soft = smoothed(loss);
  const held = pointsOf(history, ({ val }) => val?.loss);
  const raw = binned(steps, loss, mostPoints);
  // What a few bad steps reach does not press the rest flat.
  const y = scaleOf([...middle(finite(raw.map(point => point?.[1]))), ...finite(held.map(point => point?.[1]))], 5);
  const lines: ChartLine[] = [
    { name: "each step", look: 0, isFaint: true, points: raw },
    { name: "training, smoothed", look: 0, points: binned(steps, soft, mostPoints) },
  ];
  if (held.some(point => point !== null)) lines.push({ name: "held out", look: 1, points: held, hasDots: true });
  const readings = readingsOf(history, i => {
    const skipped = history.skipped.includes(steps[i] as number) ? ", skipped" : "";
    return `loss ${textOf(loss[i])}, smoothed ${textOf(soft[i])}${skipped}`;
  });
  return lineChart({
    id: "loss",
    title: "Loss, step by step",
    ...common(history),
    y,
    yText: digits,
    lines,
    marks: marksOf(history),
    readings,
  });
}

/** All but the largest hundredth. */
function middle(values: readonly number[]): readonly number[] {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.slice(0, Math.max(1, Math.ceil(0.99 * sorted.length)));
}

const textOf = (value: number | null | undefined): string =>
  typeof value === "number" && Number.isFinite(value) ? digits(value) : "not finite";

export function learningRateChart(history: History): string {
  const { steps, lr } = history;
  return lineChart({
    id: "lr",
    title: "Learning rate",
    ...common(history),
    y: linear(0, 1.05 * Math.max(...binned(steps, lr, mostPoints).map(point => point?.[1] ?? 0)) || 1, 4),
    yText: value => (value === 0 ? "0" : value.toExponential(1)),
    lines: [{ name: "learning rate", look: 0, points: binned(steps, lr, mostPoints) }],
    readings: readingsOf(history, i => `learning rate ${(lr[i] as number).toExponential(3)}`),
  });
}

/** On a logarithmic axis: norms are apart by factors. */
export function gradientChart(history: History): string {
  const { steps, gradNorm } = history;
  const points = binned(
    steps,
    gradNorm.map(norm => (norm > 0 ? Math.log(norm) : Number.NaN)),
    mostPoints,
  ).map(point => (point === null ? null : ([point[0], Math.exp(point[1])] as const)));
  const norms = finite(points.map(point => point?.[1]));
  const [low, high] = [Math.min(...norms), Math.max(...norms)];
  return lineChart({
    id: "gradient",
    title: "Norm of the gradients, before clipping",
    ...common(history),
    y: norms.length === 0 ? logarithmic(0.1, 10, 5) : logarithmic(low / 1.5, high * 1.5, 5),
    yText: digits,
    lines: [{ name: "norm", look: 0, points }],
    marks: marksOf(history),
    readings: readingsOf(history, i => `norm ${textOf(gradNorm[i])}`),
  });
}

/** Figures that are parts of images, over time; null where there are none. */
export function accuracyChart(history: History): string | null {
  const kinds = (["top1", "top5", "knn", "probe"] as const).filter(kind =>
    history.evaluations.some(({ val }) => val?.[kind] !== undefined),
  );
  if (kinds.length === 0) return null;
  const lines = kinds.map((kind, look) => ({
    name: figureKinds[kind][0],
    look,
    hasDots: true,
    points: pointsOf(history, ({ val }) => val?.[kind]),
  }));
  const shown = history.evaluations.filter(({ val }) => val !== undefined);
  return lineChart({
    id: "accuracy",
    title: "Held-out pictures that are right",
    ...common(history),
    y: linear(0, 1, 5),
    yText: value => `${Math.round(100 * value)} %`,
    lines,
    readings: thinned(shown).map(({ step, val }) => ({
      x: step,
      text: `after ${grouped(step)}: ${kinds.map(kind => `${figureKinds[kind][0]} ${partText(val, kind)}`).join(", ")}`,
    })),
  });
}

const partText = (val: Figures | undefined, kind: Exclude<keyof Figures, "images">): string => {
  const value = val?.[kind];
  return typeof value === "number" && Number.isFinite(value) ? figureKinds[kind][1](value) : "not finite";
};

/** How far the channels of each stage are apart; null where nothing was looked at. */
export function distanceChart(history: History): string | null {
  const shown = history.evaluations.filter(({ channel_distance: distance }) => distance !== undefined);
  const stages = Object.keys(shown.at(-1)?.channel_distance ?? {});
  if (stages.length === 0) return null;
  return lineChart({
    id: "distance",
    title: "Distance of the channels, by stage",
    ...common(history),
    y: linear(0, 0.5, 5),
    yText: digits,
    lines: stages.map((name, i) => ({
      name,
      look: i % 5,
      hasDots: true,
      points: pointsOf(history, ({ channel_distance: distance }) => distance?.[name]),
    })),
    readings: thinned(shown).map(({ step, channel_distance: distance }) => ({
      x: step,
      text: `after ${grouped(step)}: ${stages.map(name => `${name} ${textOf(distance?.[name])}`).join(", ")}`,
    })),
  });
}

/** Of every evaluation that has it. */
const pointsOf = (
  { evaluations }: History,
  of: (evaluation: Evaluation) => number | null | undefined,
): ChartLine["points"] =>
  evaluations.flatMap(evaluation => {
    const value = of(evaluation);
    return typeof value === "number" && Number.isFinite(value) ? [[evaluation.step, value] as const] : [];
  });

/** So many of them, evenly, the last too. */
function thinned<T>(all: readonly T[]): readonly T[] {
  const count = Math.min(all.length, mostReadings);
  return Array.from({ length: count }, (_, i) => all[Math.ceil(((i + 1) * all.length) / count) - 1] as T);
}

const readingsOf = ({ steps }: History, text: (i: number) => string): LineChart["readings"] =>
  thinned(steps.map((_, i) => i)).map(i => ({
    x: steps[i] as number,
    text: `step ${grouped(steps[i] as number)}: ${text(i)}`,
  }));
