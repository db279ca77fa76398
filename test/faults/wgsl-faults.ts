/** One mistake in the text of kernels: what stands in the right one, and what the wrong one has. */
export interface WgslFault {
  readonly name: string;
  /** The kernels it is planted into. */
  readonly kernel: RegExp;
  readonly edits: readonly (readonly [from: string | RegExp, to: string])[];
  /** The golden file that shows it; the plain one unless another is needed. */
  readonly golden?: "micro-eps-64x64-b2" | "micro-tails-64x64-b2" | "micro-offset-64x64-b2";
}

const first = /^stages\.0\.0\./;
const at = (name: string): RegExp => new RegExp(`^${name.replaceAll(".", "\\.")}$`);

export const wgslFaults: readonly WgslFault[] = [
  {
    name: "LayerNorm without eps",
    kernel: at("downsample_layers.0.0"),
    edits: [[" + 0.000001", ""]],
    golden: "micro-eps-64x64-b2",
  },
  {
    name: "LayerNorm eps 1e-5",
    kernel: at("downsample_layers.0.0"),
    edits: [["0.000001))", "0.00001))"]],
    golden: "micro-eps-64x64-b2",
  },
  { name: "variance over n - 1", kernel: at("stages.0.0.dwconv"), edits: [["/ 8.0 + 0.000001", "/ 7.0 + 0.000001"]] },
  {
    name: "variance as mean of squares less square of mean",
    kernel: /dwconv$|downsample|pool/,
    edits: [
      ["let d = sample(p, c) - mean;", "let d = sample(p, c);"],
      [/\/ (\d+\.0) \+ 0\.000001/, "/ $1 - mean * mean + 0.000001"],
    ],
    golden: "micro-offset-64x64-b2",
  },
  { name: "GRN without eps", kernel: /grn\.scale$/, edits: [[" + 1e-6);", ");"]], golden: "micro-eps-64x64-b2" },
  { name: "GRN eps 1e-5", kernel: /grn\.scale$/, edits: [["1e-6);", "1e-5);"]], golden: "micro-eps-64x64-b2" },
  {
    name: "GRN eps inside the root",
    kernel: /grn\.scale$/,
    edits: [["sqrt(square)", "sqrt(square + 1e-6)"]],
    golden: "micro-eps-64x64-b2",
  },
  { name: "GRN without + x", kernel: /grn\.scale$/, edits: [["= 1.0 + gamma", "= gamma"]] },
  { name: "GRN factor taken as 1", kernel: /grn\.scale$/, edits: [["(scale[i] * inverse)", "1.0"]] },
  {
    name: "GRN statistics of the first image for all",
    kernel: /grn\.scale$/,
    edits: [["let first = image * ", "let first = 0u * "]],
  },
  {
    name: "GRN leaves a row of partial sums out",
    kernel: at("stages.0.0.grn.scale"),
    edits: [["tile < 32", "tile < 31"]],
  },
  {
    name: "squares of a tile added twice",
    kernel: at("stages.0.0.pwconv1"),
    edits: [["square += v * v;", "square += 2.0 * v * v;"]],
    golden: "micro-eps-64x64-b2",
  },
  {
    name: "a row left out of the squares",
    kernel: at("stages.0.0.pwconv1"),
    edits: [["square += v * v;", "if (i != 3) { square += v * v; }"]],
  },
  { name: "kernel shifted by one column", kernel: at("stages.0.0.dwconv"), edits: [["at(r, x - 3)", "at(r, x - 2)"]] },
  {
    name: "kernel shifted by one row",
    kernel: at("stages.0.0.dwconv"),
    edits: [["let top = max(y, 3) - 3;", "let top = max(y, 2) - 2;"]],
  },
  { name: "padding by the edge value", kernel: first, edits: [[/x < 16\);/, "true);"]] },
  {
    name: "depthwise kernel transposed",
    kernel: at("stages.0.0.dwconv.pack"),
    edits: [["packed[(tap * 1 + c)", "packed[((tap % 7 * 7 + tap / 7) * 1 + c)"]],
  },
  {
    name: "gamma and beta of LayerNorm swapped",
    kernel: at("stages.0.0.pwconv1.pack"),
    edits: [
      ["b += w * beta[c];", "b += w * gamma[c];"],
      ["w *= gamma[c];", "w *= beta[c];"],
    ],
  },
  { name: "beta of LayerNorm ignored", kernel: at("stages.0.0.pwconv1.pack"), edits: [["b += w * beta[c];", ""]] },
  { name: "beta of GRN ignored", kernel: at("stages.0.0.pwconv2.pack"), edits: [["b += w * beta[c];", ""]] },
  {
    name: "gain and shift of the stem swapped",
    kernel: at("downsample_layers.0.0"),
    edits: [["v * gain[n] + shift[n]", "v * shift[n] + gain[n]"]],
  },
  { name: "residual left out", kernel: at("stages.0.0.pwconv2"), edits: [["v += residual[i];", ""]] },
  { name: "bias left out", kernel: at("stages.0.0.pwconv2"), edits: [["let b = bias[column];", "let b = vec4f();"]] },
  {
    name: "GELU in its tanh form",
    kernel: /pwconv1$/,
    edits: [[/return max\(x.*;/, "return x / (1.0 + exp(-1.5957691216 * x * (1.0 + 0.044715 * x * x)));"]],
  },
  {
    name: "GELU as x sigmoid(1.702 x)",
    kernel: /pwconv1$/,
    edits: [[/return max\(x.*;/, "return x / (1.0 + exp(-1.702 * x));"]],
  },
  {
    name: "GELU without its left tail",
    kernel: /pwconv1$/,
    edits: [[/return max\(x.*;/, "return max(x, vec4f());"]],
    golden: "micro-tails-64x64-b2",
  },
  {
    name: "every image written over the first",
    kernel: at("stages.0.0.pwconv2"),
    edits: [["let i = (image * 256 + m)", "let i = (0u * image + m)"]],
  },
  {
    name: "rows and columns of downsampling swapped",
    kernel: at("downsample_layers.1.1"),
    edits: [["let t = tap / 2 * 32 + tap % 2 * 2;", "let t = tap % 2 * 32 + tap / 2 * 2;"]],
  },
  { name: "a site left out of the mean", kernel: at("pool"), edits: [["t < 4;", "t < 3;"]] },
  { name: "last classes left out", kernel: at("head"), edits: [["if (n >= 3)", "if (n >= 2)"]] },
  { name: "last channels left out of the classifier", kernel: at("head"), edits: [["k < 10;", "k < 9;"]] },
];
