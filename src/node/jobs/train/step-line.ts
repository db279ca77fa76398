import { hoursText, pace } from "../../process/pace.ts";

/** Where a run stands after a step. */
export interface Standing {
  /** Steps that are done, and of the whole run. */
  readonly step: number;
  readonly steps: number;
  /** Of an epoch, where the recipe counts epochs; else null. */
  readonly stepsPerEpoch: number | null;
  readonly lr: number;
  readonly loss: number;
  readonly gradNorm: number;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
}

const barWidth = 16;

/** For a terminal of 80 columns: `epoch 3/800 [###-------------] 21.3% 152 images/s loss 0.73215 1:23 left`. */
export function stepLine(standing: Standing): string {
  const { step, steps, loss, imagesPerSecond, secondsLeft } = standing;
  const epochs = epochsOf(standing);
  const where = epochs === null ? `step ${step}/${steps}` : `epoch ${epochs.epoch}/${epochs.epochs}`;
  const done = Math.floor((barWidth * step) / steps);
  const bar = `[${"#".repeat(done)}${"-".repeat(barWidth - done)}]`;
  const percent = ((100 * step) / steps).toFixed(1);
  return `${where} ${bar} ${percent}% ${pace(imagesPerSecond)} loss ${loss.toPrecision(5)} ${hoursText(secondsLeft)} left`;
}

/** For a pipe, where each line stays. */
export function plainStepLine(standing: Standing): string {
  const { step, steps, lr, loss, gradNorm, imagesPerSecond, secondsLeft } = standing;
  const epochs = epochsOf(standing);
  const epoch = epochs === null ? "" : `  epoch ${epochs.epoch} of ${epochs.epochs}`;
  const numbers = `loss ${loss.toPrecision(5)}  |g| ${gradNorm.toPrecision(3)}  lr ${lr.toExponential(1)}`;
  return `step ${step} of ${steps}${epoch}  ${numbers}  ${pace(imagesPerSecond)}  ${hoursText(secondsLeft)} left`;
}

const epochsOf = ({ step, steps, stepsPerEpoch }: Standing) =>
  stepsPerEpoch === null ? null : { epoch: Math.ceil(step / stepsPerEpoch), epochs: Math.ceil(steps / stepsPerEpoch) };
