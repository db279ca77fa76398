import type { Span } from "../diagnostics/diagnostic.ts";
import { error, withNote } from "../diagnostics/messages.ts";
import { countParameters } from "./count.ts";
import type { Located } from "./field-types.ts";
import type { ModelSettings } from "./fields.ts";
import { assembleHead } from "./heads.ts";
import {
  type Model,
  type NormLayer,
  type Overlap,
  overlapStride,
  type Stage,
  type Stem,
  totalStride,
} from "./model.ts";
import { assemblePreprocess } from "./preprocess.ts";
import type { Report } from "./read.ts";

const maxBlocks = 1024;
const maxParameters = 4e9;

/**
 * The model that right fields make, its defaults filled in, or null where they do not fit together. `span` is what to
 * blame for a field that is nowhere stated.
 */
export function assemble(name: string, settings: ModelSettings, span: Span, report: Report): Model | null {
  const errors: Parameters<Report>[0][] = [];
  const collect: Report = diagnostic => errors.push(diagnostic);
  const stages = assembleStages(name, settings, span, collect);
  const input = settings.input ?? { value: { height: 224, width: 224, channels: 3 }, span };
  if (stages !== null) {
    const stem = stemOf(settings.stem?.value ?? 4);
    const stride = totalStride(stem.patch, stages.length);
    const narrow = settings.norm_layer?.value === "simplenorm" ? stages.find(({ dim }) => dim === 1) : undefined;
    if (narrow !== undefined) collect(error("norm-of-one", narrow.span));
    checkInput(input, stride, settings.stem?.span, collect);
    if (settings.weights !== undefined && settings.weights.value.sha256 === undefined)
      collect(error("missing-field", settings.weights.span, "weights", "sha256"));
    const head = assembleHead(
      settings.head,
      { input, patch: stem.patch, stride, stages: stages.length, stem: settings.stem, span },
      collect,
    );
    const preprocess = assemblePreprocess(settings.preprocess, input.value, collect);
    if (errors.length === 0 && head !== null && preprocess !== null) {
      const model: Model = {
        name,
        input: input.value,
        preprocess,
        stem,
        stages,
        mlpRatio: settings.mlp_ratio?.value ?? 4,
        activation: settings.activation?.value ?? "gelu",
        normEps: settings.norm_eps?.value ?? 1e-6,
        grn: settings.grn?.value ?? "per_sample",
        layerScale: settings.layer_scale?.value ?? null,
        ...normOf(settings.norm_layer?.value),
        ...(settings.conv_bias?.value === false ? { convBias: false } : {}),
        head,
        weightsSha256: settings.weights?.value.sha256?.value ?? null,
        span,
      };
      const parameters = countParameters(model);
      if (parameters <= maxParameters) return model;
      collect(error("too-many-parameters", span, about(parameters), about(maxParameters)));
    }
  }
  errors.forEach(report);
  return null;
}

const normOf = (layer: NormLayer | undefined): Pick<Model, "normLayer"> =>
  layer === undefined || layer === "layernorm" ? {} : { normLayer: layer };

const stemOf = (value: number | Overlap): Stem =>
  typeof value === "number" ? { patch: value } : { patch: overlapStride, overlap: value };

function assembleStages(name: string, settings: ModelSettings, span: Span, report: Report): readonly Stage[] | null {
  const { depths, dims, kernel_size: kernels } = settings;
  if (depths === undefined) report(error("missing-field", span, `model ${name}`, "depths"));
  if (dims === undefined) report(error("missing-field", span, `model ${name}`, "dims"));
  if (depths === undefined || dims === undefined) return null;
  const count = depths.value.length;
  const blocks = depths.value.reduce((sum, { value }) => sum + value, 0);
  if (blocks > maxBlocks) report(error("too-many-blocks", depths.span, blocks, maxBlocks));
  const perStage = (field: string, list: readonly unknown[], place: Span): boolean => {
    if (list.length === count) return true;
    report(withNote(error("stages-differ", place, field, list.length, count), "depths is set", depths.span));
    return false;
  };
  const fits = perStage("dims", dims.value, dims.span);
  const kernel = kernels?.value;
  const many = isMany(kernel);
  if (kernels !== undefined && many && !perStage("kernel_size", kernel, kernels.span)) return null;
  if (!fits || blocks > maxBlocks) return null;
  return depths.value.flatMap(({ value: depth }, i) => {
    const dim = dims.value[i];
    const side = many ? kernel[i]?.value : kernel?.value;
    return dim === undefined ? [] : [{ depth, dim: dim.value, kernel: side ?? 7, span: dim.span }];
  });
}

/** `Array.isArray` forgets what a readonly array holds. */
const isMany = (
  kernel: Located<number> | readonly Located<number>[] | undefined,
): kernel is readonly Located<number>[] => Array.isArray(kernel);

function checkInput(
  input: Located<{ readonly height: number; readonly width: number }>,
  stride: number,
  stem: Span | undefined,
  report: Report,
): void {
  for (const side of ["height", "width"] as const) {
    const size = input.value[side];
    if (size >= stride) continue;
    const diagnostic = error("small-input", input.span, side, size, stride);
    report(stem === undefined ? diagnostic : withNote(diagnostic, "stem is set", stem));
  }
}

/** `5.2G`: enough to see how far it is from the limit. */
const about = (count: number): string => (count < 1e12 ? `${+(count / 1e9).toPrecision(3)}G` : count.toPrecision(3));
