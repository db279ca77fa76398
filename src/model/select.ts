import { fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import { nearestOf } from "../diagnostics/nearest.ts";
import {
  type Batch,
  type Build,
  type Model,
  type Program,
  type Recipe,
  type StorageType,
  storageTypes,
  type TargetName,
} from "./model.ts";

/** What the command line asks for; null where it leaves the choice to the spec. */
export interface Selection {
  readonly models: readonly string[] | null;
  readonly build: string | null;
  readonly targets: readonly TargetName[] | null;
  readonly dtypes: readonly StorageType[] | null;
  readonly batch: Batch | null;
  /** The recipe by which its model is to learn; null, or left out, where none is. */
  readonly recipe?: string | null;
}

/** One thing to compile. */
export interface Request {
  readonly model: Model;
  readonly target: TargetName;
  readonly dtype: StorageType;
  readonly batch: Batch;
  /** How the model is to learn, or null. */
  readonly recipe: Recipe | null;
}

/**
 * The models, targets, dtypes and batch of one compilation: those of the named build, or every model that the named
 * file itself declares, for every target of the compiler, f32, batch 1. What the command line states replaces each; a recipe
 * stands for its model.
 */
export function select(
  program: Program,
  selection: Selection,
  targets: readonly TargetName[],
  file: string,
): Result<readonly Request[]> {
  const build = selection.build === null ? null : program.builds.find(({ name }) => name === selection.build);
  if (build === undefined) {
    const known = program.builds.map(({ name }) => name);
    const name = selection.build ?? "";
    return fail(error("no-such-build", null, name, nearestOf(known)(name), listed(known)));
  }
  const recipe = recipeOf(program, selection.recipe ?? null);
  if (!recipe.ok) return recipe;
  const learning = recipe.value?.model;
  const names = selection.models ?? build?.models ?? (learning === undefined ? program.declared : [learning]);
  if (names.length === 0) return fail(error("no-models", null, file));

  const missing = names.filter(name => !program.models.has(name));
  if (missing.length > 0) {
    const known = [...program.models.keys()];
    const nearest = nearestOf(known);
    return fail(...missing.map(name => error("no-such-model", null, name, nearest(name), listed(known))));
  }
  if (recipe.value !== null && !names.includes(recipe.value.model))
    return fail(error("recipe-model", null, recipe.value.name, recipe.value.model));
  const models = names.map(name => program.models.get(name) as Model);

  const wanted = {
    targets: selection.targets ?? build?.targets ?? targets,
    dtypes: selection.dtypes ?? build?.dtypes ?? (["f32"] as const),
    batch: selection.batch ?? build?.batch ?? { min: 1, max: 1 },
  };
  const problems = [
    ...wanted.targets
      .filter(target => !targets.includes(target))
      .map(target => error("target-missing", place(build), target, targets.join(" and "))),
    ...wanted.dtypes
      .filter(dtype => dtype !== "f32")
      .flatMap(dtype =>
        wanted.targets
          .filter(target => !storedBy[target].includes(dtype))
          .map(target => error("dtype-missing", place(build), dtype, target, storedBy[target].join(" and "))),
      ),
  ];
  if (problems.length > 0) return fail(...problems);
  return ok(
    models.flatMap(model =>
      wanted.targets.flatMap(target =>
        wanted.dtypes.map(dtype => ({
          model,
          target,
          dtype,
          batch: wanted.batch,
          recipe: model.name === learning ? recipe.value : null,
        })),
      ),
    ),
  );
}

function recipeOf({ recipes }: Program, name: string | null): Result<Recipe | null> {
  const recipe = name === null ? null : recipes.get(name);
  if (recipe !== undefined) return ok(recipe);
  const known = [...recipes.keys()];
  return fail(error("no-such-recipe", null, name ?? "", nearestOf(known)(name ?? ""), listed(known)));
}

/** What each target stores. */
export const storedBy: { readonly [K in TargetName]: readonly StorageType[] } = {
  wgsl: ["f32", "f16"],
  onnx: ["f32", "f16"],
  cuda: storageTypes,
};

/** Of a target that stores f32 and f16 alone: whether it is f16. `storedBy` lets no other type get there. */
export const isF16: { readonly [K in StorageType]: boolean } = { f32: false, f16: true, bf16: false };

const place = (build: Build | null) => build?.span ?? null;

const listed = (known: readonly string[]): string => (known.length === 0 ? "none" : known.slice(0, 12).join(", "));
