import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import type { Model } from "../../model/model.ts";
import { type Request, type Selection, select } from "../../model/select.ts";
import { loadProgram } from "./program.ts";

export interface ModelChoice {
  readonly spec: string;
  /** What the spec `-` holds. */
  readonly stdin: Uint8Array | null;
  readonly root: string | null;
  readonly model: string | null;
}

/** The named model, or the only one that the spec declares. */
export function oneModel(choice: ModelChoice): Result<Model> {
  const request = oneRequest(choice, { targets: null, dtypes: null, batch: null });
  return request.ok ? ok(request.value.model, request.diagnostics) : request;
}

/** The same for one target and storage type. */
export function oneRequest(
  { spec, stdin, root, model }: ModelChoice,
  selection: Pick<Selection, "targets" | "dtypes" | "batch">,
): Result<Request> {
  const loaded = loadProgram(spec, root, stdin);
  if (!loaded.ok) return loaded;
  const { program, source } = loaded.value;
  if (model === null && program.declared.length > 1)
    return fail(error("model-needed", null, program.declared.slice(0, 12).join(", ")));
  const models = model === null ? null : [model];
  const requests = select(program, { models, build: null, ...selection }, selection.targets ?? ["wgsl"], source.name);
  if (!requests.ok) return requests;
  const [request] = requests.value;
  return request ? ok(request, loaded.diagnostics) : fail(error("no-models", null, source.name));
}
