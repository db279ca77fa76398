import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor } from "../../src/emit/onnx-proto.ts";
import type { Graph, Node, ValueId } from "../../src/graph/graph.ts";
import { foldGrnShift } from "../../src/passes/fold-grn-shift.ts";
import { foldLayerScale } from "../../src/passes/fold-layer-scale.ts";
import { foldLayernorm } from "../../src/passes/fold-layernorm.ts";
import { fuseActivation } from "../../src/passes/grouping/fuse-activation.ts";
import type { Pass } from "../../src/passes/pass.ts";
import { splitGrn } from "../../src/passes/split-grn.ts";
import type { ModelDescriptor } from "../../src/runtime/descriptor.ts";

// Mistakes that a compiler of these models could make, each planted alone. The suite's checks must see every one.

/** `survives` says why no check of numbers can see it; such a fault has to be seen by nothing, or it leaves the list. */
interface Fault {
  readonly name: string;
  readonly survives?: string;
}

const fail = (what: string): never => {
  throw new Error(`a fault could not be planted: ${what}`);
};

const code = (text: string): string => text.replace(/\/\/.*/g, "");

/** Replaces, and insists that there was something to replace, and not in a comment. */
function replaced(text: string, search: string | RegExp, by: string): string {
  const after = text.replace(search, by);
  return code(after) === code(text) ? fail(`no ${search}`) : after;
}

export type Golden = "micro-64x64-b2" | "micro-eps-64x64-b2" | "micro-tails-64x64-b2" | "micro-offset-64x64-b2";

/** A descriptor gone wrong, seen by the logits of that golden file, or because WebGPU refuses it. */
export interface GpuFault extends Fault {
  readonly on: Golden;
  readonly plant: (descriptor: ModelDescriptor) => ModelDescriptor;
}

const first: Golden = "micro-64x64-b2";
const eps: Golden = "micro-eps-64x64-b2";

/** In the text of one kernel. */
const wgsl = (
  name: string,
  kernel: string,
  search: string | RegExp,
  by: string,
  on: Golden = first,
  survives?: string,
): GpuFault => ({
  name,
  on,
  ...(survives === undefined ? {} : { survives }),
  plant: descriptor => {
    if (!descriptor.kernels.some(known => known.name === kernel)) fail(`no kernel ${kernel}`);
    const kernels = descriptor.kernels.map(known =>
      known.name === kernel ? { ...known, code: replaced(known.code, search, by) } : known,
    );
    return { ...descriptor, kernels };
  },
});

const stem = "downsample_layers.0.0";
const depthwise = "stages.0.0.dwconv";
const up = "stages.0.0.pwconv1";
const down = "stages.0.0.pwconv2";
const grn = "stages.0.0.grn.scale";
const halve = "downsample_layers.1.1";
const tanhGelu =
  "return x / (1.0 + exp(min(-2.0 * 0.7978845608 * x * (1.0 + 0.044715 * x * x), vec4f(80.0)))); // instead of max(x";

export const wgslFaults: readonly GpuFault[] = [
  wgsl("LayerNorm without eps", stem, /(inverseSqrt\(.*) \+ 0\.000001\)/, "$1)", eps),
  wgsl("LayerNorm with eps 1e-5", stem, /(inverseSqrt\(.*) \+ 0\.000001\)/, "$1 + 0.00001)", eps),
  wgsl("variance over n - 1", stem, / \/ 8\.0 \+ 0/, " / 7.0 + 0"),
  wgsl(
    "variance as mean of squares minus square of mean",
    stem,
    /let d = sample\(p, c\) - mean;(.*?)( \+ 0\.000001)/s,
    "let d = sample(p, c);$1 - mean * mean$2",
    "micro-offset-64x64-b2",
  ),
  wgsl("mean without division", stem, /(let mean = .*) \/ 8\.0;/, "$1;"),
  wgsl("gamma and beta swapped", stem, "v * gain[n] + shift[n]", "v * shift[n] + gain[n]"),
  wgsl("stem: the weight of another row", stem, "(c * 4 + i)", "(c * 4 + 3 - i)"),
  wgsl("stem: a bias ignored", stem, "var v3 = bias[n];", "var v3 = vec4f();"),
  wgsl("padding off by one", depthwise, /x < (\d+)\);/, "x <= $1);"),
  wgsl("the last row counts as padding", depthwise, "min(y + 3, 15)", "min(y + 3, 14)"),
  wgsl("padding by the edge value", depthwise, /return select\(vec4f\(\), (.*), x < 16\);/, "return $1;"),
  wgsl("one tap with its neighbour's weight", depthwise, "let w3 = weight[w + 6];", "let w3 = weight[w + 8];"),
  wgsl("7x7 kernel transposed", `${depthwise}.pack`, "c) * 49 + tap]", "c) * 49 + tap % 7 * 7 + tap / 7]"),
  wgsl("image index dropped", depthwise, /let image = group\.z \* \d+;/, "let image = group.z * 0;"),
  wgsl("GELU in its tanh form", up, "return max(x", tanhGelu),
  wgsl("GELU tail cut short", up, "exp(-0.5 * z * z)", "exp(-0.5 * min(z * z, vec4f(4.0)))", "micro-tails-64x64-b2"),
  wgsl("bias of the first linear dropped", up, "+ b);", "+ b * 0.0);"),
  wgsl("squares before GELU", up, "square += v * v;", "square += cells[j * 8 + i] * cells[j * 8 + i];"),
  wgsl("GRN factor without + 1", grn, "1.0f + gamma[k]", "gamma[k]"),
  wgsl("GRN without eps", grn, / \/ 32\.0f \+ 1e-6f/, " / 32.0f", eps),
  wgsl("GRN eps inside the root too", grn, "sqrt(square)", "sqrt(square + 1e-6)", eps),
  wgsl("GRN: a tile's partial sum dropped", grn, "tiles = 32u", "tiles = 31u"),
  wgsl("GRN: sums of the first image for all", grn, /partials\[group\.z \* \d+ \+/, "partials["),
  wgsl("a row of a tile not stored", down, "i < 8; i++", "i < 7; i++"),
  wgsl("residual dropped", down, "v += residual[i];", "v += 0.0 * residual[i];"),
  wgsl("scale of the first image for all", down, /scale\[image \* \d+ \+ k\]/, "scale[k]"),
  wgsl("downsampling taps swapped", `${halve}.pack`, "c) * 4 + tap]", "c) * 4 + tap % 2 * 2 + tap / 2]"),
  wgsl("downsampling reads one column to the right", halve, "m % 8 * 2) * 2;", "m % 8 * 2 + 1) * 2;"),
  wgsl("beta not folded into the bias", `${halve}.pack`, " * input_shift[c];", " * 0.0 * input_shift[c];"),
  wgsl("gamma not folded into the weight", `${halve}.pack`, " * input_scale[c];", " * (1.0 + 0.0 * input_scale[c]);"),
  wgsl("pooling misses a site", "pool", "t < 4 &&", "t < 3 &&"),
  wgsl(
    "pooling without division",
    "pool",
    "v / 4.0f",
    "v",
    first,
    "the LayerNorm that follows undoes any factor; what is left is its eps being a sixteenth as large",
  ),
  wgsl("classifier: the last quad of k dropped", "head", "k < 10;", "k < 9;"),
];

const indexOf = (descriptor: ModelDescriptor, name: string): number => {
  const found = descriptor.buffers.findIndex(buffer => buffer.name === name);
  return found < 0 ? fail(`no buffer ${name}`) : found;
};

/** A buffer into the bytes of another, or behind it. */
const moved = (descriptor: ModelDescriptor, name: string, to: string, behind: boolean): ModelDescriptor => {
  const [index, target] = [indexOf(descriptor, name), descriptor.buffers[indexOf(descriptor, to)]];
  if (target?.at !== "scratch") return fail(`${to} is not in scratch`);
  const offset = behind ? (descriptor.arenas[target.arena] as number) : target.offset;
  return {
    ...descriptor,
    arenas: descriptor.arenas.map((size, i) => (i === target.arena ? 4 * size : size)),
    buffers: descriptor.buffers.map((buffer, i) =>
      i === index && buffer.at === "scratch" ? { ...buffer, arena: target.arena, offset } : buffer,
    ),
  };
};

const stepOf = (descriptor: ModelDescriptor, label: string): number => {
  const found = descriptor.steps.findIndex(step => step.label === label);
  return found < 0 ? fail(`no step ${label}`) : found;
};

export const planFaults: readonly GpuFault[] = [
  {
    name: "two buffers alive at once share bytes",
    on: first,
    plant: descriptor => moved(descriptor, "stages.0.0.grn.squares", "downsample_layers.0.1", false),
  },
  {
    name: "what a step reads and writes lies in one arena",
    on: first,
    plant: descriptor => moved(descriptor, "stages.0.0.norm", "downsample_layers.0.1", true),
  },
  {
    name: "two steps swapped",
    on: first,
    plant: descriptor => {
      const at = stepOf(descriptor, "stages.1.0.dwconv");
      const steps = [...descriptor.steps];
      steps.splice(at, 2, ...steps.slice(at, at + 2).reverse());
      return { ...descriptor, steps };
    },
  },
  {
    name: "the packed weight of another layer",
    on: first,
    plant: descriptor => {
      const at = stepOf(descriptor, "stages.2.1.dwconv");
      const [own, other] = ["stages.2.1.dwconv.packed", "stages.2.0.dwconv.packed"].map(n => indexOf(descriptor, n));
      const bindings = (from: readonly number[]) => from.map(index => (index === own ? (other as number) : index));
      const steps = descriptor.steps.map((step, i) =>
        i === at ? { ...step, bindings: bindings(step.bindings) } : step,
      );
      return { ...descriptor, steps };
    },
  },
  {
    name: "a grid one group short",
    on: first,
    plant: descriptor => {
      const at = stepOf(descriptor, depthwise);
      const steps = descriptor.steps.map((step, i) =>
        i === at ? { ...step, grid: [step.grid[0], step.grid[1] - 1] as const } : step,
      );
      return { ...descriptor, steps };
    },
  },
];

/** A pass that returns a graph gone wrong, seen by the verifier or by the interpreter. */
export interface PassFault extends Fault {
  /** Run before it, as they are. */
  readonly after: readonly Pass[];
  readonly pass: Pass;
  readonly plant: (graph: Graph) => Graph;
  /** A golden file of `options`, for models that the first one is not. */
  readonly on?: string;
}

/** Nodes that match, changed; there must be one. */
function changed(graph: Graph, match: (node: Node) => boolean, change: (node: Node) => object): Graph {
  const found = [...graph.nodes.values()].filter(match);
  if (found.length === 0) fail("no such node");
  const nodes = new Map(graph.nodes);
  for (const node of found) nodes.set(node.id, { ...node, ...change(node) } as Node);
  return { ...graph, nodes };
}

const withInput = (index: number, to: (id: ValueId) => ValueId) => (node: Node) => ({
  inputs: node.inputs.map((id, i) => (i === index ? to(id) : id)),
});
const isOp =
  (op: Node["op"], id = /./) =>
  (node: Node) =>
    node.op === op && id.test(node.id);

export const passFaults: readonly PassFault[] = [
  {
    name: "fold-grn-shift forgets beta",
    after: [splitGrn],
    pass: foldGrnShift,
    plant: graph =>
      changed(
        graph,
        isOp("linear", /^stages\.0\.0\.pwconv2$/),
        withInput(2, id => id.replace(".by_shift", "")),
      ),
  },
  {
    name: "fold-layernorm takes gamma for beta and beta for gamma",
    after: [],
    pass: foldLayernorm,
    plant: graph => {
      const swapped = changed(
        graph,
        isOp("scaleInputs", /^head/),
        withInput(1, id => id.replace("weight", "bias")),
      );
      return changed(
        swapped,
        isOp("biasThrough", /^head/),
        withInput(2, id => id.replace("bias", "weight")),
      );
    },
  },
  {
    name: "fold-layernorm goes through a convolution that pads",
    after: [],
    pass: foldLayernorm,
    plant: graph => {
      const depthwise = graph.nodes.get("stages.0.0.dwconv") ?? fail("no depthwise convolution");
      const [x = "", w = "", b = ""] = depthwise.inputs;
      const norm = graph.nodes.get(x) ?? fail("no norm");
      const [from = "", gamma = "", beta = ""] = norm.inputs;
      const nodes: Node[] = [];
      for (const node of graph.nodes.values()) {
        const { span, scope } = node;
        const type = (id: ValueId) => (graph.nodes.get(id) ?? fail(id)).type;
        if (node.id === norm.id) nodes.push({ ...node, op: "normalize", inputs: [from] } as Node);
        else if (node.id === depthwise.id)
          nodes.push(
            { id: "w2", op: "scaleOutputs", inputs: [w, gamma], attrs: {}, span, scope, type: type(w) },
            { ...node, inputs: [norm.id, "w2", b], id: "bare" } as Node,
            { id: node.id, op: "shiftChannels", inputs: ["bare", beta], attrs: {}, span, scope, type: node.type },
          );
        else nodes.push(node);
      }
      return { ...graph, nodes: new Map(nodes.map(node => [node.id, node])) };
    },
  },
  {
    name: "fold-layernorm changes eps",
    after: [],
    pass: foldLayernorm,
    plant: graph => changed(graph, isOp("normalize", /^norm$/), () => ({ attrs: { eps: 1e-5 } })),
  },
  {
    name: "split-grn over the batch instead of the sample",
    after: [],
    pass: splitGrn,
    plant: graph => {
      const flat = (node: Node) => ({ type: { ...node.type, shape: node.type.shape.slice(1) } });
      const over = changed(graph, isOp("sumSquares"), node => ({ ...flat(node), attrs: { over: "batch" } }));
      return changed(over, isOp("grnScale"), flat);
    },
  },
  {
    name: "split-grn says the batch, but keeps the sample's type",
    after: [],
    pass: splitGrn,
    plant: graph => changed(graph, isOp("sumSquares"), () => ({ attrs: { over: "batch" } })),
  },
  {
    name: "split-grn scales what it should shift",
    after: [],
    pass: splitGrn,
    plant: graph => changed(graph, isOp("shiftChannels", /^stages\.0\.0/), () => ({ op: "scaleChannels" })),
  },
  {
    name: "a node that is read was dropped",
    after: [],
    pass: splitGrn,
    plant: graph => ({
      ...graph,
      nodes: new Map([...graph.nodes].filter(([id]) => id !== "stages.0.0.grn.scale")),
    }),
  },
  {
    name: "a node before what it reads",
    after: [],
    pass: splitGrn,
    plant: graph => ({ ...graph, nodes: new Map([...graph.nodes].reverse()) }),
  },
  {
    name: "an output that is gone",
    after: [],
    pass: splitGrn,
    plant: graph => ({ ...graph, outputs: graph.outputs.map(output => ({ ...output, value: "gone" })) }),
  },
  {
    name: "a group that a path leaves and enters again",
    after: [splitGrn, foldGrnShift],
    pass: fuseActivation,
    plant: graph => {
      const [up, down] = ["stages.0.0.pwconv1", "stages.0.0.pwconv2"];
      return { ...graph, groups: new Map([...graph.groups, [up, up], [down, up]]) };
    },
  },
  {
    name: "a fusion that changes GELU's form",
    after: [splitGrn, foldGrnShift],
    pass: fuseActivation,
    plant: graph => changed(graph, isOp("gelu", /^stages\.3/), () => ({ attrs: { form: "tanh" } })),
  },
  {
    name: "fold-layer-scale forgets the bias",
    after: [],
    pass: foldLayerScale,
    on: "options/micro-v1-64x64-b2",
    plant: graph => {
      const scaled = (id: ValueId) => graph.nodes.get(id)?.inputs[0] ?? fail("no scaled bias");
      return changed(
        graph,
        node => node.op === "linear" && /by_scale/.test(node.inputs[2] ?? ""),
        withInput(2, scaled),
      );
    },
  },
];

/** An ONNX graph gone wrong, seen by ONNX Runtime refusing it or by its logits. */
export interface OnnxFault extends Fault {
  readonly on: Golden;
  readonly plant: (model: OnnxModel) => OnnxModel;
}

/** The first node that matches, with an attribute changed. */
const attribute = (op: string, name: string, change: (value: never) => unknown) => (model: OnnxModel) => {
  const graph = model.graph ?? fail("no graph");
  const wanted = (node: OnnxNode) => node.op === op && node.attributes.some(known => known.name === name);
  const at = graph.nodes.findIndex(wanted);
  if (at < 0) fail(`no ${op} with ${name}`);
  const nodes = graph.nodes.map((node, i) => {
    if (i !== at) return node;
    const attributes = node.attributes.map(known =>
      known.name === name ? ({ ...known, value: change(known.value as never) } as OnnxAttribute) : known,
    );
    return { ...node, attributes };
  });
  return { ...model, graph: { ...graph, nodes } };
};

function tanhForm(model: OnnxModel): OnnxModel {
  const graph = model.graph ?? fail("no graph");
  const at = graph.nodes.findIndex(node => node.op === "Gelu");
  if (at < 0) fail("no Gelu");
  const attributes = [{ name: "approximate", kind: "string", value: "tanh" }] as const;
  return {
    ...model,
    graph: { ...graph, nodes: graph.nodes.map((node, i) => (i === at ? { ...node, attributes } : node)) },
  };
}

const initializer = (match: RegExp, change: (tensor: OnnxTensor) => Uint8Array) => (model: OnnxModel) => {
  const graph = model.graph ?? fail("no graph");
  const at = graph.initializers.findIndex(tensor => match.test(tensor.name));
  if (at < 0) fail(`no initializer ${match}: ${graph.initializers.map(tensor => tensor.name).join(" ")}`);
  const initializers = graph.initializers.map((tensor, i) => (i === at ? { ...tensor, data: change(tensor) } : tensor));
  return { ...model, graph: { ...graph, initializers } };
};

/** The values of a matrix in the other order, under the shape it had. */
export function transposed(values: Float32Array, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) result[c * rows + r] = values[r * columns + c] as number;
  return result;
}

const floats = ({ data }: OnnxTensor): Float32Array =>
  data instanceof Uint8Array ? new Float32Array(Uint8Array.from(data).buffer) : fail("no data");

export const onnxFaults: readonly OnnxFault[] = [
  { name: "epsilon 1e-5", on: eps, plant: attribute("LayerNormalization", "epsilon", () => 1e-5) },
  {
    name: "pads off by one",
    on: first,
    plant: attribute("Conv", "pads", ([top = 0, left, bottom = 0, right]: number[]) => [
      top - 1,
      left,
      bottom + 1,
      right,
    ]),
  },
  { name: "LayerNormalization over another axis", on: first, plant: attribute("LayerNormalization", "axis", () => 1) },
  { name: "GELU in its tanh form", on: first, plant: tanhForm },
  {
    name: "weight of a linear transposed",
    on: first,
    plant: initializer(/stages\.2\.0\.pwconv1.*weight/, tensor => {
      const [rows = 0, columns = 0] = tensor.shape;
      return new Uint8Array(transposed(floats(tensor), rows, columns).buffer);
    }),
  },
  {
    name: "a bias left at zero",
    on: first,
    plant: initializer(/stages\.1\.0\.pwconv1.*bias/, tensor => new Uint8Array(floats(tensor).byteLength)),
  },
];

/** Weights under the wrong name or in the wrong order, seen by the interpreter against the golden logits. */
export interface WeightsFault extends Fault {
  readonly plant: (name: string, read: (name: string) => Float32Array, shape: readonly number[]) => Float32Array;
}

const swap =
  (a: string, b: string): WeightsFault["plant"] =>
  (name, read) =>
    read(name === a ? b : name === b ? a : name);

export const weightsFaults: readonly WeightsFault[] = [
  { name: "biases of two blocks swapped", plant: swap("stages.2.0.dwconv.bias", "stages.2.1.dwconv.bias") },
  { name: "weight and bias of a LayerNorm swapped", plant: swap("norm.weight", "norm.bias") },
  { name: "GRN's gamma and beta swapped", plant: swap("stages.0.0.grn.gamma", "stages.0.0.grn.beta") },
  {
    name: "a linear transposed",
    plant: (name, read, [rows = 0, columns = 0]) =>
      name === "stages.1.0.pwconv2.weight" ? transposed(read(name), rows, columns) : read(name),
  },
];

/** Workgroup barriers by the end of a kernel's name: SwiftShader may run a group in order, so no number misses one. */
export const barriers: readonly (readonly [kernel: RegExp, count: number])[] = [
  [/\.pack$/, 0],
  [/^downsample_layers\.0\.0$/, 2],
  [/\.dwconv$/, 2],
  [/\.pwconv[12]$/, 0],
  [/\.grn\.scale$/, 2],
  [/^downsample_layers\.[1-9]\.1$/, 1],
  [/^pool$/, 2],
  [/^head$/, 0],
];

export const barrierFaults: readonly string[] = [stem, depthwise, grn, halve, "pool"];
