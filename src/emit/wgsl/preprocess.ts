import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { invariant } from "../../diagnostics/invariant.ts";
import { error } from "../../diagnostics/messages.ts";
import { renderTemplate } from "../../embedded/render-template.ts";
import type { Filter, Model } from "../../model/model.ts";
import type { Receiver } from "../../preprocess/picture.ts";

const [acrossSize, downSize] = [64, 8];

/**
 * WGSL that fits an RGBA image of any size, eight bits a channel in a storage buffer, into a model's input as
 * `src/preprocess` does, and normalises it: for those who have images where the model runs. The model takes RGB, or bands of
 * it. Entry points `across` and `down`; bindings and dispatches stand in the text.
 */
export function preprocessWgsl({ input: { width, height }, preprocess }: Receiver): string {
  const { mean, std, bands, resize, interpolation } = preprocess;
  invariant(isSmooth(interpolation), "preprocessKernelProblems has refused it");
  const { mode, ...resized } = resize;
  const isSquare = resize.width === resize.height;
  return renderTemplate("wgsl/preprocess", {
    width,
    height,
    resized,
    side: mode === "cover" && isSquare ? resize.height : 0,
    covers: mode === "cover" && !isSquare,
    cropped: mode === "cover" || resize.width !== width || resize.height !== height,
    acrossGroups: Math.ceil(width / acrossSize),
    downGroups: { x: Math.ceil(width / downSize), y: Math.ceil(height / downSize) },
    values: mean.length * width * height,
    planes: mean.map((centre, c) => ({
      from: c * width * height,
      band: "xyz"[bands?.[c] ?? c],
      mean: centre,
      std: std[c] ?? 1,
    })),
    filter: { name: interpolation, ...filterKernels[interpolation] },
  });
}

/** Filters that f32 is enough for: `nearest` and `box` turn on where exactly a pixel ends. */
type SmoothFilter = Exclude<Filter, "nearest" | "box">;

const isSmooth = (filter: Filter): filter is SmoothFilter => Object.hasOwn(filterKernels, filter);

/** Why there are no kernels for a model's pictures; none where there are. */
export function preprocessKernelProblems({ name, preprocess: { interpolation }, span }: Model): readonly Diagnostic[] {
  if (isSmooth(interpolation)) return [];
  return [error("interpolation-unsaid", span, name, interpolation, "WGSL", Object.keys(filterKernels).join(", "))];
}

/** The filters of `src/preprocess/filters.ts` at `x`, the distance; how far they reach, in pixels. */
const filterKernels: Readonly<Record<SmoothFilter, { readonly support: string; readonly lines: readonly string[] }>> = {
  bilinear: { support: "1.0", lines: ["return max(0.0, 1.0 - x);"] },
  hamming: {
    support: "1.0",
    lines: [
      "let angle = 3.14159265 * x;",
      "let shape = 0.54 + 0.46 * cos(angle);",
      "return select(select(shape * sin(angle) / angle, 1.0, x == 0.0), 0.0, x >= 1.0);",
    ],
  },
  bicubic: {
    support: "2.0",
    lines: [
      "// Keys' cubic with a = -1/2.",
      "if (x < 1.0) {",
      "  return (1.5 * x - 2.5) * x * x + 1.0;",
      "}",
      "return select(0.0, (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5, x < 2.0);",
    ],
  },
  lanczos: {
    support: "3.0",
    lines: [
      "let angle = 3.14159265 * x;",
      "let product = 3.0 * sin(angle) * sin(angle / 3.0) / (angle * angle);",
      "return select(select(product, 1.0, x == 0.0), 0.0, x >= 3.0);",
    ],
  },
};
