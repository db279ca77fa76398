import { type Diagnostic, fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { catchingFailures, Failure } from "../../diagnostics/failure.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import { build } from "../../graph/build.ts";
import { resolve } from "../../graph/graph.ts";
import type { Model } from "../../model/model.ts";
import { nondegenerateWeights } from "../../weights/made/nondegenerate.ts";
import { randomSeed, randomWeights } from "../../weights/made/random.ts";
import type { Param, TensorFile, Weights } from "../../weights/tensor.ts";
import { type BindOptions, bindWeights } from "../../weights/use/bind.ts";
import { orClosed } from "../files/or-closed.ts";
import { type Provenance, provenanceOf } from "./provenance.ts";
import { openWeightsFile, type WeightsFile } from "./weights-file.ts";
import { asItIs, chosenTensors, type FileChoice } from "./with-tensors.ts";

/** Parameters of a model, under their official names. */
export function paramsOf(model: Model): Result<readonly Param[]> {
  const graph = build(model);
  if (!graph.ok) return graph;
  const params = [...graph.value.nodes.values()].filter(node => node.op === "param");
  return ok(params.map(node => ({ name: node.id, shape: resolve(node.type.shape, 1) })));
}

/** Weights and the file that they are read from; Node warns of one that is left to its garbage collector. */
export interface OpenWeights extends Weights {
  close(): Promise<void>;
  /** The file and its hash, which reads all of it; null where the values are drawn. */
  provenance(): Promise<Provenance | null>;
}

/** Which tensors of a file are taken, and how strictly. */
export type WeightsOptions = FileChoice & BindOptions;

/** The same, or weights whose every part matters where nothing is named. */
export async function openOrDraw(
  name: string | null,
  model: Model,
  report: (diagnostic: Diagnostic) => void,
  options: WeightsOptions,
): Promise<Result<OpenWeights>> {
  if (name !== null) return openWeights(name, model, report, options);
  const params = paramsOf(model);
  return params.ok
    ? ok({ ...nondegenerateWeights(1, params.value), close: async () => {}, provenance: async () => null })
    : params;
}

/**
 * What `--weights` names: a file of weights (docs/weights.md) in any known naming, or `random:SEED`. What is wrong with the values
 * themselves shows when they are read: a warning is reported then, an error is a `Failure` of whoever reads.
 */
export async function openWeights(
  name: string,
  model: Model,
  report: (diagnostic: Diagnostic) => void,
  options: WeightsOptions = asItIs,
): Promise<Result<OpenWeights>> {
  const params = paramsOf(model);
  if (!params.ok) return params;
  if (name.startsWith("random:")) {
    const seed = randomSeed(name);
    if (!seed.ok) return seed;
    const weights = randomWeights(seed.value, params.value, model.layerScale ?? undefined);
    return ok({ ...weights, warn: onceEach(report), close: async () => {}, provenance: async () => null });
  }
  const whileRead = (diagnostic: Diagnostic): void => {
    if (diagnostic.severity === "error") throw new Failure(diagnostic);
    report(diagnostic);
  };
  return catchingFailures(async () => {
    const source = await openWeightsFile(name);
    if (!source.ok) return source;
    const { close } = source.value;
    return orClosed(close, async () => {
      const file = await onlyPinned(await chosenTensors(source.value, options), source.value, model);
      const bound = file.ok ? await bindWeights(file.value, params.value, whileRead, options) : file;
      if (!bound.ok) return file.ok ? { ...bound, diagnostics: [...file.diagnostics, ...bound.diagnostics] } : bound;
      const provenance = () => provenanceOf(source.value, bound.value.license);
      return ok({ ...bound.value, warn: onceEach(report), close, provenance }, [
        ...file.diagnostics,
        ...bound.diagnostics,
      ]);
    });
  });
}

/** Work on weights that have been opened; they are closed when it is done, or has failed. */
export async function withWeights<T>(
  opened: Result<OpenWeights>,
  work: (weights: OpenWeights) => Promise<Result<T>>,
): Promise<Result<T>> {
  if (!opened.ok) return opened;
  return catchingFailures(async () => {
    try {
      return await work(opened.value);
    } finally {
      await opened.value.close();
    }
  });
}

/** Several targets store a parameter; what is told of it by the first is enough. */
function onceEach(report: (diagnostic: Diagnostic) => void): NonNullable<Weights["warn"]> {
  const told = new Set<string>();
  return (name, diagnostic) => {
    if (!told.has(name)) report(diagnostic);
    told.add(name);
  };
}

/** The same, unless the model's spec names another file by its hash. Where it names none, nothing more is read. */
async function onlyPinned(
  read: Result<TensorFile>,
  file: WeightsFile,
  { name, weightsSha256: pinned }: Model,
): Promise<Result<TensorFile>> {
  const found = read.ok && pinned !== null ? await file.sha256() : null;
  if (found === null || pinned === null || found === pinned) return read;
  const problem = error("weights-hash", { file: file.name, offset: null }, name, found, pinned);
  return fail(withNote(problem, `fetch that file again, or say \`weights { sha256 "${found}" }\` if this is the one`));
}
