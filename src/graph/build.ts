import { fail, ok, type Result, type Span } from "../diagnostics/diagnostic.ts";
import { invariant } from "../diagnostics/invariant.ts";
import { error } from "../diagnostics/messages.ts";
import { nearestOf } from "../diagnostics/nearest.ts";
import type { Model } from "../model/model.ts";
import type { Draft, Graph, Node, Output, ValueId } from "./graph.ts";
import { typed } from "./infer.ts";
import { type Dim, grnEps, type OpName, type Ops } from "./ops.ts";

/** A value the official code gives a name to, and how the graph reads it out in the official layout. */
export interface Tap {
  readonly value: ValueId;
  /** True for values that the official modules hold as NCHW. */
  readonly channelsFirst: boolean;
}

/** Every module path that can be tapped. */
export const tapNames = (model: Model): readonly string[] => [...network(model).taps.keys()];

/**
 * The network as the official code writes it, unfused, under its names (models/convnextv2.py).
 * `taps` are module paths whose outputs become outputs of the graph besides the model's own.
 */
export function build(model: Model, taps: readonly string[] = []): Result<Graph> {
  const b = network(model);
  const unknown = taps.filter(tap => !b.taps.has(tap));
  if (unknown.length > 0)
    return fail(...unknown.map(tap => error("no-such-tap", null, tap, nearestOf(b.taps.keys())(tap))));
  return ok(b.finish(model.name, taps));
}

function network(model: Model): Builder {
  const b = builder(model.span);
  const { patch } = model.stem;
  const { height, width, channels } = model.input;

  const image = b.input("pixel_values", ["N", channels, height, width]);
  let x = b.op("toChannelsLast", "pixel_values.nhwc", {}, [image]);
  let dim = channels;
  const stageOutputs: ValueId[] = [];
  for (const [i, stage] of model.stages.entries()) {
    b.at(stage.span);
    const name = `downsample_layers.${i}`;
    if (i === 0) {
      const conv = b.patchConv(`${name}.0`, x, dim, stage.dim, patch);
      x = b.layernorm(`${name}.1`, conv, stage.dim, model.normEps);
      b.tap(`${name}.0`, conv, true);
      b.tap(`${name}.1`, x, true);
    } else {
      const norm = b.layernorm(`${name}.0`, x, dim, model.normEps);
      x = b.patchConv(`${name}.1`, norm, dim, stage.dim, 2);
      b.tap(`${name}.0`, norm, true);
      b.tap(`${name}.1`, x, true);
    }
    b.tap(name, x, true);
    dim = stage.dim;
    for (let j = 0; j < stage.depth; j++) {
      x = block(b, model, `stages.${i}.${j}`, x, dim, stage.kernel);
      b.tap(`stages.${i}.${j}`, x, true);
    }
    b.tap(`stages.${i}`, x, true);
    stageOutputs.push(x);
  }
  b.at(model.span);
  for (const output of head(b, model, stageOutputs)) b.output(output);
  return b;
}

function block(b: Builder, model: Model, name: string, x: ValueId, dim: number, kernel: number): ValueId {
  const wide = dim * model.mlpRatio;
  const inside = (part: string, value: ValueId, channelsFirst = false): ValueId => {
    b.tap(`${name}.${part}`, value, channelsFirst);
    return value;
  };
  const weight = b.param(`${name}.dwconv.weight`, [dim, 1, kernel, kernel]);
  const bias = b.param(`${name}.dwconv.bias`, [dim]);
  let y = inside("dwconv", b.op("depthwise", `${name}.dwconv`, { kernel }, [x, weight, bias]), true);
  y = inside("norm", b.layernorm(`${name}.norm`, y, dim, model.normEps));
  y = inside("pwconv1", b.linear(`${name}.pwconv1`, y, dim, wide));
  y = inside("act", b.op("gelu", `${name}.act`, { form: model.activation === "gelu" ? "erf" : "tanh" }, [y]));
  if (model.grn !== "none") {
    const gamma = b.param(`${name}.grn.gamma`, [1, 1, 1, wide]);
    const beta = b.param(`${name}.grn.beta`, [1, 1, 1, wide]);
    const over = model.grn === "per_sample" ? "sample" : "batch";
    y = inside("grn", b.op("grn", `${name}.grn`, { eps: grnEps, over }, [y, gamma, beta]));
  }
  y = inside("pwconv2", b.linear(`${name}.pwconv2`, y, wide, dim));
  if (model.layerScale !== null) {
    y = b.op("scaleChannels", `${name}.scaled`, {}, [y, b.param(`${name}.gamma`, [dim])]);
  }
  return b.op("add", name, {}, [y, x]);
}

function head(b: Builder, model: Model, stages: readonly ValueId[]): readonly Output[] {
  const { head, normEps } = model;
  const dim = (level: number): number => model.stages[level]?.dim ?? 0;
  const last = stages.length - 1;
  const stage = (level: number): ValueId => {
    const id = stages[level];
    invariant(id !== undefined, `no stage ${level}`);
    return id;
  };
  if (head.kind === "features") {
    return head.levels.map(level => {
      const i = level - 1;
      const x = head.norm ? b.layernorm(`norm${i}`, stage(i), dim(i), normEps) : stage(i);
      return { name: `stage${level}`, value: b.op("toChannelsFirst", `stage${level}`, {}, [x]) };
    });
  }
  invariant(head.kind === "classifier", `the ${head.kind} head has no graph yet`);
  const pooled = b.op("meanSites", "pool", {}, [stage(last)]);
  const norm = b.layernorm("norm", pooled, dim(last), normEps);
  b.tap("norm", norm, false);
  if (head.classes === 0) return [{ name: "pooled", value: norm }];
  return [{ name: "logits", value: b.linear("head", norm, dim(last), head.classes) }];
}

interface Builder {
  readonly at: (span: Span) => void;
  readonly op: <K extends OpName>(op: K, id: ValueId, attrs: Ops[K], inputs: readonly ValueId[]) => ValueId;
  readonly input: (id: ValueId, shape: readonly Dim[]) => ValueId;
  readonly param: (id: ValueId, shape: readonly number[]) => ValueId;
  readonly layernorm: (id: ValueId, x: ValueId, dim: number, eps: number) => ValueId;
  readonly linear: (id: ValueId, x: ValueId, from: number, to: number) => ValueId;
  readonly patchConv: (id: ValueId, x: ValueId, from: number, to: number, size: number) => ValueId;
  readonly tap: (name: string, value: ValueId, channelsFirst: boolean) => void;
  readonly output: (output: Output) => void;
  readonly taps: ReadonlyMap<string, Tap>;
  readonly finish: (name: string, taps: readonly string[]) => Graph;
}

function builder(start: Span): Builder {
  const nodes = new Map<ValueId, Node>();
  const taps = new Map<string, Tap>();
  const outputs: Output[] = [];
  let span = start;
  const op: Builder["op"] = (op, id, attrs, inputs) => {
    invariant(!nodes.has(id), `'${id}' is defined twice`);
    nodes.set(id, typed({ id, op, attrs, inputs, span } as unknown as Draft, nodes));
    return id;
  };
  const leaf = (kind: "input" | "param") => (id: ValueId, shape: readonly Dim[]) =>
    op(kind, id, { type: { dtype: "f32", shape } }, []);
  const param = leaf("param");
  const weighted = (id: ValueId, shape: readonly number[]) => [
    param(`${id}.weight`, shape),
    param(`${id}.bias`, shape.slice(0, 1)),
  ];
  return {
    at: next => {
      span = next;
    },
    op,
    input: leaf("input"),
    param,
    layernorm: (id, x, dim, eps) => op("layernorm", id, { eps }, [x, ...weighted(id, [dim])]),
    linear: (id, x, from, to) => op("linear", id, {}, [x, ...weighted(id, [to, from])]),
    patchConv: (id, x, from, to, size) => op("patchConv", id, { size }, [x, ...weighted(id, [to, from, size, size])]),
    tap: (name, value, channelsFirst) => taps.set(name, { value, channelsFirst }),
    output: output => outputs.push(output),
    taps,
    finish: (name, wanted) => {
      const tapped = wanted.map(tap => {
        const { value, channelsFirst } = taps.get(tap) as Tap;
        const id = channelsFirst ? op("toChannelsFirst", `${tap}.nchw`, {}, [value]) : value;
        return { name: tap, value: id };
      });
      return { name, nodes, outputs: [...outputs, ...tapped], groups: new Map() };
    },
  };
}
