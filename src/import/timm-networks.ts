import { invariant } from "../diagnostics/invariant.ts";
import { published } from "../embedded/published.ts";
import { type Overlap, overlapStride, type Stem } from "../model/model.ts";
import { type Architecture, small, zepto } from "../weights/names/architecture.ts";
import { type Draft, defaultKernel, defaults, type HeadStyle, usualLayerScale } from "./draft.ts";

/** The fields of a draft that timm's function of a network decides. */
export type Network = Pick<
  Draft,
  "stages" | "activation" | "grn" | "layerScale" | "normEps" | "normLayer" | "convBias" | "stem"
> & {
  readonly headStyle: HeadStyle;
};

type Changes = Partial<Omit<Network, "stages">>;

const stagesOf = ({ depths, dims }: Architecture, kernels: readonly number[] = []): Network["stages"] =>
  depths.map((depth, i) => ({ depth, dim: dims[i] ?? 0, kernel: kernels[i] ?? defaultKernel }));

const firstOf = (size: Architecture, changes: Changes = {}): Network => ({
  stages: stagesOf(size),
  activation: defaults.activation,
  grn: "none",
  layerScale: usualLayerScale,
  normEps: defaults.normEps,
  headStyle: {},
  stem: defaults.stem,
  ...changes,
});

const secondOf = (size: Architecture): Network => firstOf(size, { grn: "per_sample", layerScale: null });

/** What V1 has beyond the sizes of V2. */
const xlarge: Architecture = { depths: [3, 3, 27, 3], dims: [256, 512, 1024, 2048] };
const xxlarge: Architecture = { depths: [3, 4, 30, 3], dims: [384, 768, 1536, 3072] };

const isInFirst = ({ name }: { readonly name: string }): boolean => name !== "huge";

const sizeOf = (name: (typeof published)[number]["name"]): Architecture => {
  const size = published.find(size => size.name === name);
  invariant(size, `no size '${name}'`);
  return size;
};

const overlapping = (overlap: Overlap): Stem => ({ patch: overlapStride, overlap });

/** timm's networks for tests of its own. */
const testSize: Architecture = { depths: [1, 2, 4, 2], dims: [24, 32, 48, 64] };
const smallTestSize: Architecture = { depths: [1, 1, 1, 1], dims: [32, 64, 96, 128] };
const tests: Changes = { normEps: 1e-5, activation: "gelu_tanh" };

/** timm's networks by name (timm models/convnext.py). */
export const networks: ReadonlyMap<string, Network> = new Map([
  ...[...published, small].map(size => [`convnextv2_${size.name}`, secondOf(size)] as const),
  ...[...published.filter(isInFirst), small].map(size => [`convnext_${size.name}`, firstOf(size)] as const),
  ["convnext_xlarge", firstOf(xlarge)],
  ["convnext_xxlarge", firstOf(xxlarge, { normEps: 1e-5 })],
  ...(["atto", "femto", "pico"] as const).map(
    name => [`convnext_${name}_ols`, firstOf(sizeOf(name), { stem: overlapping("overlap_tiered") })] as const,
  ),
  ["convnext_atto_rms", firstOf(sizeOf("atto"), { normLayer: "rmsnorm" })],
  ["convnext_zepto_rms", firstOf(zepto, { normLayer: "simplenorm" })],
  ["convnext_zepto_rms_ols", firstOf(zepto, { normLayer: "simplenorm", stem: overlapping("overlap_act") })],
  ["convnext_nano_ols", firstOf(sizeOf("nano"), { stem: overlapping("overlap") })],
  ["convnext_tiny_hnf", firstOf(sizeOf("tiny"), { headStyle: { normFirst: true } })],
  ["convnext_large_mlp", firstOf(sizeOf("large"), { headStyle: { hiddenSize: 1536 } })],
  ["test_convnext", firstOf(testSize, tests)],
  ["test_convnext2", firstOf(smallTestSize, tests)],
  [
    "test_convnext3",
    { ...firstOf(smallTestSize, { ...tests, activation: "silu" }), stages: stagesOf(smallTestSize, [7, 5, 5, 3]) },
  ],
]);
