import { fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { invariant } from "../diagnostics/invariant.ts";
import { error } from "../diagnostics/messages.ts";
import { nearestOf } from "../diagnostics/nearest.ts";
import {
  type Activation,
  channelsBetween,
  dilationsOf,
  type Fcmae,
  type GrnScope,
  type Model,
  type Overlap,
  patchGrid,
  type Stage,
  totalStride,
} from "../model/model.ts";
import { type Builder, builder, type Hide, type Norm, type Tap } from "./builder.ts";
import type { Graph, Output, ValueId } from "./graph.ts";
import { type GeluApproximation, type GrnOver, grnEps, type PatchGrid, pixelEps } from "./ops.ts";

/** Every module that can be tapped, by its path. */
export const tapsOf = (model: Model): ReadonlyMap<string, Tap> => network(model).taps;

/** What a graph has besides the network, so that it can learn. */
export interface Learning {
  /** Stochastic depth: an input `keep` [N, blocks] holds the factor of every block's residual branch, 0 or 1/(1−p). */
  readonly dropPath: boolean;
}

/**
 * The network as the official code writes it, unfused, under its names (models/convnextv2.py, models/fcmae.py).
 * `taps` are module paths whose outputs become outputs of the graph besides the model's own; those of a masked
 * autoencoder's encoder may have its `encoder.` in front. Where it learns, its loss is the only output besides them, where
 * it has one: a classifier's is cross-entropy with an input `targets` [N, classes].
 */
export function build(model: Model, taps: readonly string[] = [], learning: Learning | null = null): Result<Graph> {
  const b = network(model, learning);
  const pathOf = (tap: string): string => (b.taps.has(tap) ? tap : tap.replace(/^encoder\./, ""));
  const unknown = taps.filter(tap => !b.taps.has(pathOf(tap)));
  if (unknown.length > 0) {
    const nearest = nearestOf(b.taps.keys());
    return fail(...unknown.map(tap => error("no-such-tap", null, tap, nearest(tap))));
  }
  return ok(
    b.finish(
      model.name,
      taps.map(tap => ({ name: tap, path: pathOf(tap) })),
    ),
  );
}

function network(model: Model, learning: Learning | null = null): Builder {
  const b = builder({ span: model.span, scope: { part: "stem", block: null } });
  const { patch, overlap } = model.stem;
  const biased = model.convBias !== false;
  const { height, width, channels } = model.input;

  const image = b.input("pixel_values", ["N", channels, height, width]);
  const masking = model.head.kind === "fcmae" ? maskOf(b, model, model.head) : null;
  const hide = masking?.hide ?? null;
  const blocks = model.stages.reduce((sum, { depth }) => sum + depth, 0);
  const keep = learning?.dropPath ? b.input("keep", ["N", blocks]) : null;
  let x = b.op("toChannelsLast", "pixel_values.nhwc", {}, [image]);
  let passed = 0;
  let dim = channels;
  const stageOutputs: ValueId[] = [];
  const dilations = dilationsOf(model);
  for (const [i, stage] of model.stages.entries()) {
    const { span } = stage;
    b.at({ span, scope: { part: i === 0 ? "stem" : i, block: null } });
    const name = `downsample_layers.${i}`;
    if (i === 0 && overlap !== undefined) {
      x = overlappingStem(b, model, overlap, x);
      b.tap(name, x, true, null, "block");
    } else if (i === 0) {
      const conv = b.patchConv(`${name}.0`, x, [stage.dim, dim, patch, patch], biased);
      x = b.norm(`${name}.1`, conv, stage.dim, normOf(model));
      b.tap(`${name}.0`, conv, true);
      b.tap(`${name}.1`, x, true);
      b.tap(name, x, true, null, "block");
    } else {
      const norm = b.norm(`${name}.0`, x, dim, normOf(model));
      const { entry } = dilations[i] ?? {};
      x = entry
        ? b.neighbourConv(`${name}.1`, norm, [stage.dim, dim, 2, 2], entry, biased)
        : b.patchConv(`${name}.1`, norm, [stage.dim, dim, 2, 2], biased);
      b.tap(`${name}.0`, norm, true, hide);
      b.tap(`${name}.1`, x, true, hide);
      b.tap(name, x, true, hide, "block");
    }
    if (hide) x = hide(`${name}.visible`, x);
    dim = stage.dim;
    for (let j = 0; j < stage.depth; j++) {
      b.at({ span, scope: { part: i, block: j } });
      const drop = keep === null ? null : { keep, index: passed++ };
      const dilation = dilations[i]?.blocks ?? 1;
      x = block(b, { ...encoderBlock(model, stage), dilation, name: `stages.${i}.${j}`, hide, drop }, x);
      b.tap(`stages.${i}.${j}`, x, true, null, "block");
    }
    b.tap(`stages.${i}`, x, true, null, "stage");
    stageOutputs.push(x);
  }
  b.at({ span: model.span, scope: { part: masking ? "decoder" : "head", block: null } });
  const outputs = masking ? autoencoder(b, model, masking, x) : head(b, model, stageOutputs, learning !== null);
  const loss = outputs.filter(({ name }) => name === "loss");
  for (const output of learning && loss.length > 0 ? loss : outputs) b.output(output);
  return b;
}

/** timm models/convnext.py: two convolutions, an activation between them or none, and a norm, by their places in a row. */
function overlappingStem(b: Builder, model: Model, overlap: Overlap, x: ValueId): ValueId {
  const { input, activation, convBias } = model;
  const dim = model.stages[0]?.dim ?? 0;
  const between = channelsBetween(overlap, dim);
  let place = 0;
  const next = (what: string): string => `downsample_layers.0.${what}${place++}`;
  const tapped = (value: ValueId): ValueId => {
    b.tap(value, value, true);
    return value;
  };
  const conv = (from: ValueId, inputs: number, outputs: number): ValueId => {
    const id = next("conv");
    const weights = b.weighted(id, [outputs, inputs, 3, 3], convBias !== false);
    return tapped(b.op("conv", id, { kernel: 3, stride: 2 }, [from, ...weights]));
  };
  let y = conv(x, input.channels, between);
  if (overlap === "overlap_act") y = tapped(b.op("gelu", next("act"), { form: geluForms[activation] }, [y]));
  y = conv(y, between, dim);
  return tapped(b.norm(next("norm"), y, dim, normOf(model)));
}

/** What a block of the official code is made with. */
interface Block {
  readonly name: string;
  readonly dim: number;
  readonly kernel: number;
  /** Whether the depthwise convolution has a bias. */
  readonly biased: boolean;
  readonly dilation: number;
  readonly mlpRatio: number;
  readonly activation: Activation;
  readonly norm: Norm;
  readonly grn: GrnScope;
  readonly layerScale: boolean;
  /** Keeps removed patches out of GRN's norms and of the result; null in a dense network. */
  readonly hide: Hide | null;
  /** Where the factors of stochastic depth are, and which are this block's; null where it is always computed. */
  readonly drop: { readonly keep: ValueId; readonly index: number } | null;
}

const encoderBlock = (model: Model, { dim, kernel }: Stage) => {
  const { mlpRatio, activation, grn, layerScale } = model;
  const biased = model.convBias !== false;
  return { dim, kernel, biased, mlpRatio, activation, norm: normOf(model), grn, layerScale: layerScale !== null };
};

/** The activations of the language, as ops have them. */
const geluForms = { gelu: "erf", gelu_tanh: "tanh", silu: "silu", relu: "relu" } as const satisfies Readonly<
  Record<Activation, GeluApproximation>
>;

const normOf = ({ normLayer, normEps }: Model): Norm => ({ layer: normLayer ?? "layernorm", eps: normEps });

/** The sets of the language, as ops have them; `none` has no op. */
const grnOver = { per_sample: "sample", per_batch: "batch" } as const satisfies Readonly<
  Record<Exclude<GrnScope, "none">, GrnOver>
>;

function block(b: Builder, shape: Block, x: ValueId): ValueId {
  const { name, dim, kernel, dilation, norm, activation, grn, hide, drop } = shape;
  const wide = dim * shape.mlpRatio;
  const inside = (part: string, value: ValueId, channelsFirst = false): ValueId => {
    b.tap(`${name}.${part}`, value, channelsFirst, hide);
    return value;
  };
  const conv = b.weighted(`${name}.dwconv`, [dim, 1, kernel, kernel], shape.biased);
  const taps = dilation === 1 ? { kernel } : { kernel, dilation };
  let y = inside("dwconv", b.op("depthwise", `${name}.dwconv`, taps, [x, ...conv]), true);
  y = inside("norm", b.norm(`${name}.norm`, y, dim, norm));
  y = inside("pwconv1", b.linear(`${name}.pwconv1`, y, dim, wide));
  y = inside("act", b.op("gelu", `${name}.act`, { form: geluForms[activation] }, [y]));
  if (grn !== "none") {
    if (hide) y = hide(`${name}.act.visible`, y);
    const gamma = b.param(`${name}.grn.gamma`, [1, 1, 1, wide]);
    const beta = b.param(`${name}.grn.beta`, [1, 1, 1, wide]);
    y = inside("grn", b.op("grn", `${name}.grn`, { eps: grnEps, over: grnOver[grn] }, [y, gamma, beta]));
  }
  y = inside("pwconv2", b.linear(`${name}.pwconv2`, y, wide, dim));
  if (shape.layerScale) {
    y = b.op("scaleChannels", `${name}.scaled`, {}, [y, b.param(`${name}.gamma`, [dim])]);
  }
  if (drop) y = b.op("scaleSamples", `${name}.kept`, { index: drop.index }, [y, drop.keep]);
  y = b.op("add", name, {}, [y, x]);
  return hide ? hide(`${name}.visible`, y) : y;
}

function head(b: Builder, model: Model, stages: readonly ValueId[], learns: boolean): readonly Output[] {
  const { head } = model;
  const norm = normOf(model);
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
      const x = head.norm ? b.norm(`norm${i}`, stage(i), dim(i), norm) : stage(i);
      return { name: `stage${level}`, value: b.op("toChannelsFirst", `stage${level}`, {}, [x]) };
    });
  }
  invariant(head.kind === "classifier", "a masked autoencoder has no such head");
  const pooled = pool(b, stage(last), { dim: dim(last), norm, first: head.normFirst === true });
  const features = head.hiddenSize === undefined ? pooled : hiddenLayer(b, pooled, dim(last), head.hiddenSize);
  if (head.classes === 0) return [{ name: "pooled", value: features }];
  const width = head.hiddenSize ?? dim(last);
  const logits = { name: "logits", value: b.linear("head", features, width, head.classes) };
  if (!learns) return [logits];
  const targets = b.input("targets", ["N", head.classes]);
  return [{ name: "loss", value: b.op("crossEntropy", "loss", {}, [logits.value, targets]) }, logits];
}

interface Pool {
  readonly dim: number;
  readonly norm: Norm;
  /** Whether the map is normalised, and not its mean. */
  readonly first: boolean;
}

function pool(b: Builder, x: ValueId, { dim, norm, first }: Pool): ValueId {
  if (first) {
    const normed = b.norm("norm_pre", x, dim, norm);
    b.tap("norm_pre", normed, true);
    return b.op("meanSites", "pool", {}, [normed]);
  }
  const normed = b.norm("norm", b.op("meanSites", "pool", {}, [x]), dim, norm);
  b.tap("norm", normed, false);
  return normed;
}

/** timm layers/classifier.py, `pre_logits`, whose activation is GELU whatever the blocks have. */
function hiddenLayer(b: Builder, x: ValueId, from: number, to: number): ValueId {
  const y = b.op("gelu", "pre_logits.act", { form: "erf" }, [b.linear("pre_logits.fc", x, from, to)]);
  b.tap("pre_logits", y, false);
  return y;
}

/** The mask of a masked autoencoder, and what it does to a map. */
interface Masking {
  readonly head: Fcmae;
  readonly mask: ValueId;
  readonly grid: PatchGrid;
  readonly hide: Hide;
}

function maskOf(b: Builder, { input }: Model, head: Fcmae): Masking {
  const grid = patchGrid(input, head);
  const mask = b.input("mask", ["N", grid.rows * grid.columns]);
  return { head, mask, grid, hide: (id, x) => b.op("maskSites", id, grid, [x, mask]) };
}

/** Decoder, prediction and loss: models/fcmae.py, forward_decoder and forward_loss. */
function autoencoder(b: Builder, model: Model, { head, mask, grid }: Masking, x: ValueId): readonly Output[] {
  const { decoder, patchSize, normPixLoss } = head;
  const { dim } = decoder;
  const encoded = b.op("toChannelsFirst", "encoded", {}, [x]);
  b.tap("encoder", x, true);

  const proj = b.pointwise("proj", x, model.stages.at(-1)?.dim ?? 0, dim);
  const token = b.param("mask_token", [1, dim, 1, 1]);
  let y = b.op("fillSites", "decoder.tokens", grid, [proj, mask, token]);
  const published = {
    kernel: 7,
    biased: true,
    dilation: 1,
    mlpRatio: 4,
    grn: "per_sample",
    layerScale: false,
    hide: null,
    drop: null,
  } as const;
  const { activation } = model;
  const norm: Norm = { layer: "layernorm", eps: model.normEps };
  for (let k = 0; k < decoder.depth; k++) {
    b.at({ span: model.span, scope: { part: "decoder", block: k } });
    y = block(b, { ...published, name: `decoder.${k}`, dim, activation, norm }, y);
    b.tap(`decoder.${k}`, y, true, null, "block");
  }
  b.at({ span: model.span, scope: { part: "decoder", block: null } });
  // The official code has patches of one position of the decoder; of larger ones the positions are averaged.
  const size = patchSize / totalStride(model.stem.patch, model.stages.length);
  if (size > 1) y = b.op("averagePool", "decoder.patches", { size }, [y]);
  const pred = b.pointwise("pred", y, dim, patchSize ** 2 * model.input.channels);

  const patches = b.op("patchify", "target.patches", { size: patchSize }, ["pixel_values"]);
  const target = normPixLoss ? b.op("standardize", "target.standardized", { eps: pixelEps }, [patches]) : patches;
  const errors = b.op("siteError", "loss_per_patch", {}, [pred, target]);
  b.tap("loss_per_patch", errors, false);
  return [
    { name: "loss", value: b.op("maskedMean", "loss", {}, [errors, mask]) },
    { name: "pred", value: b.op("toChannelsFirst", "pred.nchw", {}, [pred]) },
    { name: "encoded", value: encoded },
  ];
}
