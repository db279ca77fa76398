import { argmax, type Breathe, type Labelled } from "./labelled.ts";

const iterations = 100;
/** Of the weights, not of the biases: λ/2 · |W|², beside the mean cross-entropy. */
const weightDecay = 1e-3;

/**
 * The part of `test` that multinomial logistic regression gets right, which has learned from `train`: over features that
 * are standardised by mean and deviation of `train`, full batches, float64, 100 iterations of Nesterov's accelerated
 * gradient (Beck and Teboulle 2009, FISTA) from 0, steps of 1 / L. NaN where a feature is not finite.
 */
export async function linearProbe(train: Labelled, test: Labelled, classes: number, breathe: Breathe): Promise<number> {
  if (![train, test].every(({ features }) => features.every(Number.isFinite))) return Number.NaN;
  const standardised = standardiser(train);
  const x = standardised(train);
  const images = train.labels.length;
  const width = train.width + 1;
  const rate = 1 / (0.5 * (await largestEigenvalue(x, width, breathe)) + weightDecay);

  let [weights, ahead, momentum] = [new Float64Array(classes * width), new Float64Array(classes * width), 1];
  for (let n = 0; n < iterations; n++) {
    const gradient = ahead.map((value, i) => (i % width === width - 1 ? 0 : weightDecay * value));
    for (let image = 0; image < images; image++) {
      if (image % 256 === 0) await breathe();
      const row = x.subarray(image * width, (image + 1) * width);
      const errors = probabilities(row, ahead, classes);
      errors[train.labels[image] as number] = (errors[train.labels[image] as number] as number) - 1;
      for (let k = 0; k < classes; k++) {
        const share = (errors[k] as number) / images;
        for (let j = 0, at = k * width; j < width; j++, at++)
          gradient[at] = (gradient[at] as number) + share * (row[j] as number);
      }
    }
    const next = ahead.map((value, i) => value - rate * (gradient[i] as number));
    const later = (1 + Math.sqrt(1 + 4 * momentum * momentum)) / 2;
    ahead = next.map((value, i) => value + ((momentum - 1) / later) * (value - (weights[i] as number)));
    [weights, momentum] = [next, later];
  }

  const asked = standardised(test);
  const right = test.labels.filter(
    (label, n) => argmax(probabilities(asked.subarray(n * width, (n + 1) * width), weights, classes)) === label,
  );
  return right.length / test.labels.length;
}

/** Softmax of the classes' products with a row. */
function probabilities(row: Float64Array, weights: Float64Array, classes: number): Float64Array {
  const width = row.length;
  const logits = new Float64Array(classes);
  for (let k = 0; k < classes; k++) {
    let sum = 0;
    for (let j = 0, at = k * width; j < width; j++, at++) sum += (row[j] as number) * (weights[at] as number);
    logits[k] = sum;
  }
  const most = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const all = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
  return logits.map(logit => Math.exp(logit - most) / all);
}

/** Puts features about 0 with a deviation of 1 over `train`, and a 1 after each row; what never varies becomes 0. */
function standardiser({ features, width, labels }: Labelled): (of: Labelled) => Float64Array {
  const [means, squares] = [new Float64Array(width), new Float64Array(width)];
  features.forEach((value, i) => {
    means[i % width] = (means[i % width] as number) + value / labels.length;
  });
  features.forEach((value, i) => {
    squares[i % width] = (squares[i % width] as number) + (value - (means[i % width] as number)) ** 2 / labels.length;
  });
  const scales = squares.map(square => (square > 0 ? 1 / Math.sqrt(square) : 0));
  return of => {
    const x = new Float64Array(of.labels.length * (width + 1));
    return x.map((_, i) => {
      const [n, j] = [Math.floor(i / (width + 1)), i % (width + 1)];
      if (j === width) return 1;
      return ((of.features[n * width + j] as number) - (means[j] as number)) * (scales[j] as number);
    });
  };
}

/** Of xᵀx over the number of rows, by 20 products; a tenth is added, since these come from below. */
async function largestEigenvalue(x: Float64Array, width: number, breathe: Breathe): Promise<number> {
  const images = x.length / width;
  let [direction, value] = [new Float64Array(width).fill(1 / Math.sqrt(width)), 0];
  for (let n = 0; n < 20; n++) {
    await breathe();
    const next = new Float64Array(width);
    for (let image = 0; image < images; image++) {
      let product = 0;
      for (let j = 0, at = image * width; j < width; j++, at++) product += (x[at] as number) * (direction[j] as number);
      for (let j = 0, at = image * width; j < width; j++, at++)
        next[j] = (next[j] as number) + (product * (x[at] as number)) / images;
    }
    value = Math.hypot(...next);
    direction = next.map(part => part / (value || 1));
  }
  return 1.1 * value;
}
