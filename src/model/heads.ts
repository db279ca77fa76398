import type { Span } from "../diagnostics/diagnostic.ts";
import { error, withNote } from "../diagnostics/messages.ts";
import type { Located } from "./field-types.ts";
import type { ModelSettings } from "./fields.ts";
import { nearestMultiples } from "./legal.ts";
import { type Classifier, type Fcmae, type Features, type Head, patchGrid, usualProblem } from "./model.ts";
import type { Report } from "./read.ts";

/** What a head has to fit. */
interface Body {
  readonly input: Located<{ readonly height: number; readonly width: number }>;
  readonly patch: number;
  readonly stride: number;
  readonly stages: number;
  readonly stem: ModelSettings["stem"];
  /** Blamed for what is stated nowhere. */
  readonly span: Span;
}

type Written = NonNullable<ModelSettings["head"]>["value"];
type SettingsOf<K extends Head["kind"]> = Extract<Written, { kind: K }>["settings"];

/** The head with its defaults, or null where it does not fit the model. */
export function assembleHead(head: ModelSettings["head"], body: Body, report: Report): Head | null {
  const { kind, settings } = head?.value ?? ({ kind: "classifier", settings: {} } as const);
  const assembleOne = heads[kind] as (settings: unknown, body: Body, report: Report) => Head | null;
  return assembleOne(settings, { ...body, span: head?.span ?? body.span }, report);
}

const heads: {
  readonly [K in Head["kind"]]: (
    settings: SettingsOf<K>,
    body: Body,
    report: Report,
  ) => Extract<Head, { kind: K }> | null;
} = {
  classifier: ({ classes, labels, problem, hidden_size, norm_first }, _, report): Classifier | null => {
    const count = classes?.value ?? labels?.value.length ?? 1000;
    if (labels !== undefined && labels.value.length !== count) {
      const differ = error("labels-differ", labels.span, labels.value.length, count);
      report(classes === undefined ? differ : withNote(differ, "classes is set", classes.span));
      return null;
    }
    const meaning = problem?.value ?? usualProblem(count);
    if (count === 1 && meaning === "single_label") report(error("single-class", problem?.span ?? null));
    return {
      kind: "classifier",
      classes: count,
      labels: labels?.value ?? null,
      problem: meaning,
      ...(hidden_size === undefined ? {} : { hiddenSize: hidden_size.value }),
      ...(norm_first?.value ? { normFirst: true } : {}),
    };
  },

  features: ({ levels, norm, output_stride }, { patch, stride, stages }, report): Features | null => {
    const beyond = levels?.value.filter(({ value }) => value > stages) ?? [];
    for (const { value, span } of beyond) report(error("unknown-level", span, value, stages));
    const most = output_stride?.value ?? stride;
    const fits = most >= patch && most <= stride;
    if (output_stride !== undefined && !fits) report(error("output-stride", output_stride.span, most, patch, stride));
    if (beyond.length > 0 || !fits) return null;
    const all = Array.from({ length: stages }, (_, i) => i + 1);
    return {
      kind: "features",
      levels: levels?.value.map(({ value }) => value) ?? all,
      norm: norm?.value ?? false,
      ...(most < stride ? { outputStride: most } : {}),
    };
  },

  fcmae: (settings, body, report): Fcmae | null => {
    const { mask_ratio, patch_size, decoder, norm_pix_loss } = settings;
    const maskRatio = mask_ratio?.value ?? 0.6;
    const patchSize = patch_size?.value ?? 32;
    if (typeof body.stem?.value === "string") {
      report(error("overlap-masked", body.stem.span, body.stem.value));
      return null;
    }
    if (!patchesFit(patchSize, patch_size?.span ?? body.span, body, report)) return null;
    const { rows, columns, keep: kept } = patchGrid(body.input.value, { patchSize, maskRatio });
    const patches = rows * columns;
    if (kept < 1 || kept >= patches) {
      report(error("kept-patches", mask_ratio?.span ?? body.span, maskRatio, kept, patches));
      return null;
    }
    const { depth, dim } = decoder?.value ?? {};
    return {
      kind: "fcmae",
      maskRatio,
      patchSize,
      decoder: { depth: depth?.value ?? 1, dim: dim?.value ?? 512 },
      normPixLoss: norm_pix_loss?.value ?? true,
    };
  },
};

function patchesFit(patchSize: number, place: Span, { input, stride }: Body, report: Report): boolean {
  if (patchSize % stride !== 0) {
    report(error("uneven-patch-size", place, patchSize, stride, nearestMultiples(patchSize, stride)));
    return false;
  }
  let fit = true;
  for (const side of ["height", "width"] as const) {
    const size = input.value[side];
    if (size % patchSize === 0) continue;
    fit = false;
    // What is below the total stride has been told by that.
    if (size < stride) continue;
    const nearest = nearestMultiples(size, patchSize);
    report(withNote(error("uneven-patches", input.span, side, size, patchSize, nearest), "patch_size is set", place));
  }
  return fit;
}
