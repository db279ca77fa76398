import { type FilePlace, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { inComment } from "../../diagnostics/escape.ts";
import { catchingFailures } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { importCheckpoint } from "../../import/checkpoint.ts";
import type { Imported, ImportOptions, Json } from "../../import/draft.ts";
import { importConfig } from "../../import/huggingface.ts";
import { printDraft } from "../../import/print-draft.ts";
import { importTimm, importTimmConfig, isTimmConfig, isTimmName } from "../../import/timm.ts";
import { type JsonLimits, readJson } from "../../json/read.ts";
import { isObject } from "../../json/shape.ts";
import { check } from "../../model/check.ts";
import type { Model } from "../../model/model.ts";
import { load } from "../../syntax/load.ts";
import { unwrapped } from "../../weights/names/unwrapped.ts";
import type { TensorFile } from "../../weights/tensor.ts";
import { bindWeights } from "../../weights/use/bind.ts";
import { openSource } from "../files/byte-source.ts";
import { paramsOf, type WeightsOptions } from "../inputs/open-weights.ts";
import { asItIs, withTensors } from "../inputs/with-tensors.ts";

/** Bytes and values a config may have: with labels for a million classes it has less. */
const configLimits: JsonLimits = { bytes: 2 ** 26, values: 2 ** 22 };

export interface ImportedSpec {
  readonly text: string;
  readonly model: Model;
  readonly notes: readonly string[];
}

/** A spec from what `source` names: a config.json, a file of weights, which `binding` is about, or a model of timm. */
export async function importSpec(
  source: string,
  options: ImportOptions,
  binding: WeightsOptions = asItIs,
): Promise<Result<ImportedSpec>> {
  const found = await openSource(source);
  if (!found.ok) {
    const missing = found.diagnostics.some(({ code }) => code === "file-not-found");
    return missing && isTimmName(source) ? specOf(importTimm(source, options), source) : found;
  }
  const { size } = found.value;
  const json = await catchingFailures<Json | null>(async () => {
    try {
      const start = new TextDecoder().decode(await found.value.read(0, Math.min(size, 64)));
      if (!/^\uFEFF?\s*\{\s*["}]/.test(start)) return ok(null);
      const place = { file: source, offset: null };
      if (size > configLimits.bytes) return fail(error("import-too-large", place, size, configLimits.bytes));
      return readConfig(await found.value.read(0, size), source);
    } finally {
      await found.value.close();
    }
  });
  if (!json.ok) return json;
  const config = json.value;
  if (config !== null && !Object.hasOwn(config, "weight_map")) {
    const imported = isTimmConfig(config)
      ? importTimmConfig(config, source, options)
      : importConfig(config, source, options);
    return specOf(imported, source);
  }
  return withTensors(source, binding, async file => {
    const inside = unwrapped(file);
    if (!inside.ok) return inside;
    const spec = specOf(importCheckpoint(inside.value, options), source);
    const fits = spec.ok ? await fitting(spec, inside.value, binding) : spec;
    return { ...fits, diagnostics: [...inside.diagnostics, ...fits.diagnostics] };
  });
}

function readConfig(bytes: Uint8Array, file: string): Result<Json> {
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
