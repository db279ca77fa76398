import { type Diagnostic, fail, ok, type Result, type Source } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { nearestOf } from "../../diagnostics/nearest.ts";
import type { Model, Recipe } from "../../model/model.ts";
import { defaultRecipe } from "../../model/recipes.ts";
import { loadProgram } from "./program.ts";

export interface RecipeChoice {
  readonly spec: string;
  /** What the spec `-` holds. */
  readonly stdin: Uint8Array | null;
  readonly root: string | null;
  /** Null for the only one that the spec declares. */
  readonly train: string | null;
  /** A model to train by the defaults of recipes instead, or null. */
  readonly model: string | null;
}

export interface ChosenRecipe {
  readonly recipe: Recipe;
  readonly model: Model;
  readonly source: Source;
}

/** The named recipe, or the only one that the spec itself declares, and its model; or a model and its default recipe. */
export function oneRecipe(choice: RecipeChoice): Result<ChosenRecipe> {
  const { spec, stdin, root, train, model: named } = choice;
  if (train !== null && named !== null) return fail(error("train-or-model", null));
  const loaded = loadProgram(spec, root, stdin);
  if (!loaded.ok) return loaded;
  const { program, files, source } = loaded.value;
  const { recipes, models } = program;
  if (named !== null) {
    const chosen = byDefault(models, named, source);
    return chosen.ok ? ok(chosen.value, loaded.diagnostics) : chosen;
  }
  const own = [...recipes.values()].filter(({ span }) => span.source === files.at(-1)?.source);
  const [first, second] = own;
  const recipe = train === null ? first : recipes.get(train);
  if (train === null && second !== undefined)
    return fail(error("recipe-needed", null, listed(own.map(({ name }) => name))));
  if (recipe === undefined && train === null) return fail(error("no-recipes", null, source.name));
  const model = recipe && models.get(recipe.model);
  if (recipe !== undefined && model !== undefined) return ok({ recipe, model, source }, loaded.diagnostics);
  const known = [...recipes.keys()];
  const name = train ?? "";
  return fail(error("no-such-recipe", null, name, nearestOf(known)(name), listed(known)));
}

function byDefault(models: ReadonlyMap<string, Model>, name: string, source: Source): Result<ChosenRecipe> {
  const model = models.get(name);
  const known = [...models.keys()];
  if (model === undefined) return fail(error("no-such-model", null, name, nearestOf(known)(name), listed(known)));
  const problems: Diagnostic[] = [];
  const recipe = defaultRecipe(model, problem => problems.push(problem));
  return recipe === null ? fail(...problems) : ok({ recipe, model, source });
}

const listed = (known: readonly string[]): string => (known.length === 0 ? "none" : known.slice(0, 12).join(", "));
