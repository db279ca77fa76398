import { existsSync } from "node:fs";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { type FilePlace, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { inComment, shown } from "../../diagnostics/escape.ts";
import { catchingFailures } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { importCheckpoint } from "../../import/checkpoint.ts";
import { importJson, type NamedJson } from "../../import/config.ts";
import type { Imported, ImportOptions, Json } from "../../import/draft.ts";
import { hubId } from "../../import/hub.ts";
import { printDraft } from "../../import/print-draft.ts";
import { importTimm, isTimmName } from "../../import/timm.ts";
import { type JsonLimits, readJson } from "../../json/read.ts";
import { isObject } from "../../json/shape.ts";
import { check } from "../../model/check.ts";
import type { Model } from "../../model/model.ts";
import { load } from "../../syntax/load.ts";
import { unwrapped } from "../../weights/names/unwrapped.ts";
import type { TensorFile } from "../../weights/tensor.ts";
import { bindWeights } from "../../weights/use/bind.ts";
import { type FileSource, openSource } from "../files/byte-source.ts";
import { pathProblem } from "../files/errno.ts";
import { paramsOf, type WeightsOptions } from "../inputs/open-weights.ts";
import { asItIs, withTensors } from "../inputs/with-tensors.ts";

/** Bytes and values a config may have: with labels for a million classes it has less. */
const configLimits: JsonLimits = { bytes: 2 ** 26, values: 2 ** 22 };

export interface ImportedSpec {
  readonly text: string;
  readonly model: Model;
  readonly notes: readonly string[];
}

/**
 * A spec from what `source` names: a config.json or the folder of one, a file of weights, which `binding` is about, or a model
 * of timm.
 */
export async function importSpec(
  source: string,
  options: ImportOptions,
  binding: WeightsOptions = asItIs,
): Promise<Result<ImportedSpec>> {
  if (await isFolder(source)) return importFolder(source, options);
  const found = await openSource(source);
  if (!found.ok) {
    const missing = found.diagnostics.some(({ code }) => code === "file-not-found");
    if (!missing) return found;
    if (isTimmName(source)) return specOf(importTimm(source, options), source);
    return (await idOfHub(source)) ?? found;
  }
  const config = await readConfig(found.value);
  if (!config.ok) return config;
  if (config.value !== null && !Object.hasOwn(config.value, "weight_map"))
    return specOf(importJson({ json: config.value, file: shownName(source) }, null, options), source);
  if (source.endsWith(".py")) return fail(error("import-python", { file: source, offset: null }));
  return withTensors(source, binding, async file => {
    const inside = unwrapped(file);
    if (!inside.ok) return inside;
    const spec = specOf(importCheckpoint(inside.value, options), source);
    const fits = spec.ok ? await fitting(spec, inside.value, binding) : spec;
    return { ...fits, diagnostics: [...inside.diagnostics, ...fits.diagnostics] };
  });
}

const isFolder = async (file: string): Promise<boolean> =>
  pathProblem(file) === null &&
  (await fs.stat(file).then(
    stat => stat.isDirectory(),
    () => false, // what is wrong with it is told where it is opened
  ));

/** A folder as `save_pretrained` leaves it; what prepares pictures may not be there. */
async function importFolder(folder: string, options: ImportOptions): Promise<Result<ImportedSpec>> {
  const [config, pictures] = [path.join(folder, "config.json"), path.join(folder, "preprocessor_config.json")];
  const read = await readNamed(config);
  if (!read.ok) return read;
  const preparing = existsSync(pictures) ? await readNamed(pictures) : ok(null);
  if (!preparing.ok) return preparing;
  // A folder may be given as `.`, and has a name all the same.
  return specOf(importJson(read.value, preparing.value, options), path.resolve(folder));
}

/** A JSON object in a file that has to be one. */
async function readNamed(file: string): Promise<Result<NamedJson>> {
  const found = await openSource(file);
  if (!found.ok) return found;
  const json = await readConfig(found.value);
  if (!json.ok) return json;
  if (json.value === null) return fail(error("import-json", { file, offset: null }, "expected an object"));
  return ok({ json: json.value, file: shownName(file) });
}

const shownName = (file: string): string => shown(path.basename(file), 60);

/** What is missing may be the id of a model on a hub, unless its owner is a folder here; null where it is none. */
async function idOfHub(source: string): Promise<Result<never> | null> {
  const id = hubId(source);
  if (id === null || (await isFolder(id.owner))) return null;
  return fail(error("import-hub-id", { file: source, offset: null }, isTimmName(id.name) ? id.name : null));
}

/** The JSON object in a file, or null where it begins otherwise; the file is closed afterwards. */
const readConfig = (file: FileSource): Promise<Result<Json | null>> =>
  catchingFailures<Json | null>(async () => {
    try {
      const start = new TextDecoder().decode(await file.read(0, Math.min(file.size, 64)));
      if (!/^\uFEFF?\s*\{\s*["}]/.test(start)) return ok(null);
      const place = { file: file.name, offset: null };
      if (file.size > configLimits.bytes) return fail(error("import-too-large", place, file.size, configLimits.bytes));
      return jsonOf(await file.read(0, file.size), file.name);
    } finally {
      await file.close();
    }
  });

function jsonOf(bytes: Uint8Array, file: string): Result<Json> {
  const wrong = (place: FilePlace, why: string) => error("import-json", place, why);
  const json = readJson({ file, bytes, limits: configLimits, wrong });
  if (!json.ok) return json;
  return isObject(json.value) ? ok(json.value) : fail(wrong({ file, offset: null }, "expected an object"));
}

/** The spec is the language's own, so what the compiler says of it holds for its source. */
function specOf(imported: Result<Imported>, source: string): Result<ImportedSpec> {
  if (!imported.ok) return imported;
  const { draft, notes } = imported.value;
  const comment = `Made by cnxc import from ${inComment(source.split(/[\\/]/).at(-1) ?? source)}.`;
  const text = printDraft(draft, comment);
  if (!text.ok) return text;
  const noImports = () => fail(error("import-json", null, "it imports"));
  const files = load({ name: "the spec", text: text.value }, noImports);
  const program = files.ok ? check(files.value) : files;
  if (!program.ok) return program;
  const model = program.value.models.get(draft.name);
  return model === undefined
    ? fail(error("no-models", null, "the spec"))
    : ok({ text: text.value, model, notes }, imported.diagnostics);
}

/** A spec whose model takes the file's tensors; what they would not fit is told as for any other. */
async function fitting(
  spec: Extract<Result<ImportedSpec>, { ok: true }>,
  file: TensorFile,
  { allowExtra = false }: WeightsOptions,
): Promise<Result<ImportedSpec>> {
  const params = paramsOf(spec.value.model);
  if (!params.ok) return params;
  const bound = await bindWeights(file, params.value, undefined, { allowExtra });
  return bound.ok ? ok(spec.value, [...spec.diagnostics, ...bound.diagnostics]) : bound;
}
