import { fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import type { Imported, ImportOptions, Json } from "./draft.ts";
import { importConfig } from "./huggingface.ts";
import { importOpenmmlab, openmmlabBackbone } from "./openmmlab.ts";
import { importPreprocessor, isPreprocessor } from "./preprocessor.ts";
import { importTimmConfig, isTimmConfig } from "./timm-config.ts";

/** A config as it was read, and the name that sentences give it. */
export interface NamedJson {
  readonly json: Json;
  readonly file: string;
}

/** A model from a config in any dialect that is known, and from what the folder that holds it says of pictures, or null. */
export function importJson(
  { json, file }: NamedJson,
  pictures: NamedJson | null,
  options: ImportOptions,
): Result<Imported> {
  if (isPreprocessor(json)) return fail(error("import-preprocessor", { file, offset: null }));
  const imported = importOf(json)(json, file, options);
  if (!imported.ok || pictures === null) return imported;
  const { draft, notes } = imported.value;
  const found = importPreprocessor(pictures.json, pictures.file, draft.input);
  if (!found.ok) return found;
  const { preprocess, notes: told } = found.value;
  return ok({ draft: { ...draft, preprocess }, notes: [...notes, ...told] }, imported.diagnostics);
}

type Import = (json: Json, file: string, options: ImportOptions) => Result<Imported>;

/** The dialect of a config; one that no other knows is transformers', which says what is missing. */
function importOf(json: Json): Import {
  if (isTimmConfig(json)) return (_, file, options) => importTimmConfig(json, file, options);
  return openmmlabBackbone(json) === null ? importConfig : importOpenmmlab;
}
