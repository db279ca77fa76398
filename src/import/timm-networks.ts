import { published } from "../embedded/published.ts";
import { type Architecture, small } from "../weights/names/architecture.ts";
import { type Draft, defaultKernel, defaults, usualLayerScale } from "./draft.ts";

/** The fields of a draft that timm's function of a network decides. */
export type Network = Pick<Draft, "stages" | "grn" | "layerScale" | "normEps">;

/** What V1 has beyond the sizes of V2. */
const firstOnly: readonly (Architecture & { readonly name: string; readonly normEps?: number })[] = [
  { name: "xlarge", depths: [3, 3, 27, 3], dims: [256, 512, 1024, 2048] },
  { name: "xxlarge", depths: [3, 4, 30, 3], dims: [384, 768, 1536, 3072], normEps: 1e-5 },
];

const isInFirst = ({ name }: { readonly name: string }): boolean => name !== "huge";

const networkOf = ({ depths, dims }: Architecture, second: boolean, normEps: number = defaults.normEps): Network => ({
  stages: depths.map((depth, i) => ({ depth, dim: dims[i] ?? 0, kernel: defaultKernel })),
  grn: second ? "per_sample" : "none",
  layerScale: second ? null : usualLayerScale,
  normEps,
});

/** timm's networks that a spec can say, by name (timm models/convnext.py). */
export const networks: ReadonlyMap<string, Network> = new Map([
  ...[...published, small].map(size => [`convnextv2_${size.name}`, networkOf(size, true)] as const),
  ...[...published.filter(isInFirst), small, ...firstOnly].map(
    size => [`convnext_${size.name}`, networkOf(size, false, "normEps" in size ? size.normEps : undefined)] as const,
  ),
]);

/** Endings of names whose networks a spec cannot say, and by which part. */
const others: readonly (readonly [name: RegExp, part: string])[] = [
  [/_ols$/, "its stem has overlapping convolutions"],
  [/_rms$/, "its norms are RMS norms or have no mean to subtract"],
  [/_hnf$/, "its head normalises before it pools"],
  [/_mlp$/, "its head has a hidden layer"],
];

/** Which part of timm's network a spec cannot say; null where the name is not known to be such a one. */
export const otherPart = (name: string): string | null => others.find(([ending]) => ending.test(name))?.[1] ?? null;
