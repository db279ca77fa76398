import { fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import type { Model } from "../model/model.ts";
import { select } from "../model/select.ts";
import { loadProgram } from "./program.ts";

export interface ModelChoice {
  readonly spec: string;
  readonly root: string | null;
  readonly model: string | null;
}

/** The named model, or the only one that the spec declares. */
export function oneModel({ spec, root, model }: ModelChoice): Result<Model> {
  const loaded = loadProgram(spec, root);
  if (!loaded.ok) return loaded;
  const { program, source } = loaded.value;
  if (model === null && program.declared.length > 1)
    return fail(error("model-needed", null, program.declared.slice(0, 12).join(", ")));
  const selection = { models: model === null ? null : [model], build: null, targets: null, dtypes: null, batch: null };
  const requests = select(program, selection, ["wgsl"], source.name);
  if (!requests.ok) return requests;
  const [request] = requests.value;
  return request ? ok(request.model, loaded.diagnostics) : fail(error("no-models", null, source.name));
}
