import { invariant } from "../../diagnostics/invariant.ts";
import type { KernelParams } from "../../plan/kernels.ts";
import { callOf, type KernelCall, type Plan, type Step } from "../../plan/plan.ts";
import { exactTiles } from "../../plan/tiles/choose-tile.ts";
import { blockTile, divideUp } from "../../plan/tiles/tile.ts";
import {
  type DepthwiseChoice,
  type DepthwiseShape,
  depthwiseKey,
  type MlpChoice,
  type ProductChoice,
  type ProductShape,
  productKey,
  type TunedChoices,
  untuned,
} from "../../plan/tiles/tuned-choices.ts";
import { profileFor } from "../../plan/tiles/tuning-profiles.ts";
import { defaultDepthwise, depthwiseChoices } from "./kernels/convolutions.ts";
import { defaultProduct, type Product, productOf } from "./kernels/gemm.ts";
import { mlpChoices, mlpFits, mlpShared } from "./kernels/mlp.ts";
import { storageOf } from "./kernels/shared.ts";
import { sourceOf } from "./kernels.ts";
import { linearPairs } from "./passes/merge-linears.ts";

/** A shape of a plan and the candidates for it, the default first. */
export type TunableShape =
  | { readonly kernel: "product"; readonly shape: ProductShape; readonly candidates: readonly ProductChoice[] }
  | { readonly kernel: "depthwise"; readonly shape: DepthwiseShape; readonly candidates: readonly DepthwiseChoice[] }
  | { readonly kernel: "mlp"; readonly shape: ProductShape; readonly candidates: readonly HiddenChoice[] };

/** The hidden values between the linears of a block: stored, or rematerialised by one kernel of both. */
export type HiddenChoice = { readonly wide: "stored" } | ({ readonly wide: "recomputed" } & MlpChoice);

/** The shape of one kernel alone. */
export type ShapeOf =
  | { readonly kernel: "product"; readonly shape: ProductShape }
  | { readonly kernel: "depthwise"; readonly shape: DepthwiseShape };

export const shapeKey = (of: ShapeOf | TunableShape): string =>
  of.kernel === "depthwise" ? depthwiseKey(of.shape) : productKey(of.shape);

/** Tiles of a shape among the candidates: the model of their cost is good enough to leave the others out. */
const tilesPerShape = 4;

type Call = Pick<KernelCall, "kind" | "params">;

/** The shape of a step that a table may speak of; null for other kernels. */
export function shapeOf({ kind, params }: Call): ShapeOf | null {
  if (kind === "depthwise") {
    const { height, width, channels, kernel, dilation } = params as KernelParams["depthwise"];
    return dilation !== undefined ? null : { kernel: "depthwise", shape: { height, width, channels, kernel } };
  }
  const product = productOf({ kind, params });
  if (product === null) return null;
  const { rows, depth, columns } = product;
  return { kernel: "product", shape: { rows, depth, columns } };
}

/** Every distinct shape of a plan, in the order of its launches, with what may be chosen for it within so much shared memory. */
export function candidates(plan: Plan, sharedBytes: number): readonly TunableShape[] {
  const found = new Map<string, TunableShape>();
  for (const step of plan.steps) {
    const of = shapeOf(step);
    if (of === null || found.has(shapeKey(of))) continue;
    const seen = new Set<string>();
    const distinct = candidatesOf(step, of, plan).filter(choice => {
      const kernel = sourceOf(withChoice(step, choice), plan);
      const text = JSON.stringify(kernel);
      if (kernel.shared > sharedBytes || seen.has(text)) return false;
      seen.add(text);
      return true;
    });
    found.set(shapeKey(of), { ...of, candidates: distinct } as TunableShape);
  }
  return [...found.values()];
}

const candidatesOf = (step: Step, of: ShapeOf, plan: Plan): readonly (ProductChoice | DepthwiseChoice)[] =>
  of.kernel === "product"
    ? productCandidates({ ...of.shape, squares: productOf(step)?.squares ?? false }, plan)
    : depthwiseCandidates(step as Step<"depthwise">, plan);

/** The step as it would be with another tile. */
const withChoice = ({ kind, params }: Call, choice: ProductChoice | DepthwiseChoice): Call => {
  const tile = "split" in choice ? { tile: { kind: "tiled", ...choice, depth: 16, threadTile: [4, 1] } } : {};
  return { kind, params: { ...params, ...tile, choice } } as Call;
};

function productCandidates(shape: Product, { batch, precision }: Plan): readonly ProductChoice[] {
  const { gemm } = profileFor("cuda", batch);
  invariant(gemm.kind === "exact", "CUDA's tiles are exact");
  const tilesFor = (groups: number, count: number) =>
    exactTiles({ ...gemm, workgroups: groups }, shape)
      .slice(0, count)
      .map(({ rows, columns }) => ({ rows, columns }));
  const byDefault = (tile: Pick<ProductChoice, "rows" | "columns">) => defaultProduct(shape, tile, batch.max);
  const tiles = tilesFor(gemm.workgroups, tilesPerShape);
  if (precision === "f32") return tiles.map(byDefault);
  const pairs = ways.flatMap((way, w) =>
    tiles.map((tile, t) => ({ choice: { ...byDefault(tile), ...way }, late: w + t })),
  );
  // A tile that is split may be larger: it needs fewer of its kind to keep a device busy.
  const larger = [8, 4, 2].flatMap((split, w) =>
    tilesFor(gemm.workgroups / split, 2).map((tile, t) => ({ choice: { ...byDefault(tile), split }, late: w + t + 1 })),
  );
  const blocks = ({ rows, columns }: ProductChoice) =>
    divideUp(shape.rows, rows) * divideUp(shape.columns, columns) * batch.max;
  return [...pairs, ...larger]
    .sort((a, b) => a.late - b.late) // what is likely, first
    .map(({ choice }) => choice)
    .filter(choice => choice.split === 1 || (!shape.squares && blocks(choice) < 2 * gemm.workgroups)); // else splits gain nothing
}

/** Candidates that differ in more than the tile, on tensor cores; splits that do nothing make no kernel of their own. */
const ways: readonly Partial<ProductChoice>[] = [
  {},
  { step: 64 },
  { split: 2 },
  { split: 4 },
  { stages: 3 },
  { warpRows: 32 },
  { warpRows: 32, step: 64 },
  { stages: 2 },
  { split: 8 },
];

const depthwiseCandidates = ({ params }: Step<"depthwise">, { batch }: Plan): readonly DepthwiseChoice[] => [
  defaultDepthwise(params, batch.max),
  ...depthwiseChoices(params, batch.max).slice(0, 2 * tilesPerShape),
];

/** A shape, and the names of the launches that it is made by, a list for each block that has it. */
export interface MlpShape {
  readonly of: Extract<TunableShape, { readonly kernel: "mlp" }>;
  readonly launches: readonly (readonly string[])[];
}

/** The pairs of linears of a plan by the shape of the first, where the values between them need not be stored. */
export function mlpCandidates(plan: Plan, sharedBytes: number): readonly MlpShape[] {
  const found = new Map<string, MlpShape>();
  for (const { expand, project } of linearPairs(plan.steps.map(callOf), plan.outputs)) {
    const key = productKey(expand.params);
    const launches = [...(found.get(key)?.launches ?? []), [expand.name, project.name]];
    const { rows, depth, columns } = expand.params;
    const fitting = mlpChoices.filter(choice => {
      const params = { expand: expand.params, project: project.params, choice };
      return mlpFits(params, storageOf(plan.precision)) && mlpShared(depth, choice) <= sharedBytes;
    });
    const choices = [{ wide: "stored" } as const, ...fitting.map(one => ({ wide: "recomputed", ...one }) as const)];
    if (fitting.length > 0)
      found.set(key, { of: { kernel: "mlp", shape: { rows, depth, columns }, candidates: choices }, launches });
  }
  return [...found.values()];
}

/** The default choice of every product of these steps for a batch, with some of it replaced. */
export function defaultsWith(steps: readonly Call[], batch: number, replaced: Partial<ProductChoice>): TunedChoices {
  const products = steps.flatMap(step => {
    const product = productOf(step);
    if (product === null) return [];
    const [rows, columns] = blockTile(product.tile);
    return [[productKey(product), { ...defaultProduct(product, { rows, columns }, batch), ...replaced }] as const];
  });
  return { ...untuned, products: new Map(products) };
}

/** The build that makes every shape with its candidate `at`, and by default those that have fewer. */
export function choicesAt(shapes: readonly TunableShape[], at: number): TunedChoices {
  const products = new Map<string, ProductChoice>();
  const depthwise = new Map<string, DepthwiseChoice>();
  const mlps = new Map<string, MlpChoice>();
  for (const shape of shapes) {
    const choice = shape.candidates[at] ?? shape.candidates[0];
    if (choice === undefined) continue;
    if (shape.kernel === "product") products.set(productKey(shape.shape), choice as ProductChoice);
    else if (shape.kernel === "depthwise") depthwise.set(depthwiseKey(shape.shape), choice as DepthwiseChoice);
    else if ((choice as HiddenChoice).wide === "recomputed") mlps.set(productKey(shape.shape), choice as MlpChoice);
  }
  return { products, depthwise, mlps };
}
