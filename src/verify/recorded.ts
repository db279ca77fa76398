import { capped } from "../diagnostics/capped.ts";
import { type Diagnostic, fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { error, withNote } from "../diagnostics/messages.ts";
import { type Nearest, nearestOf } from "../diagnostics/nearest.ts";
import { build, tapsOf } from "../graph/build.ts";
import { nodeOf, resolve } from "../graph/graph.ts";
import { inputPorts } from "../model/inputs.ts";
import type { Model } from "../model/model.ts";
import { copied, toF32 } from "../weights/dtype.ts";
import { officialModules } from "../weights/names/modules.ts";
import { elements, type Tensor, type TensorFile } from "../weights/tensor.ts";
import type { Outputs } from "./compare.ts";

/** Values that were recorded elsewhere, under the graph's names and in its order: the modules, then the outputs. */
export interface RecordedValues {
  readonly file: string;
  readonly values: Outputs;
  /** Those of them that are modules. */
  readonly modules: readonly string[];
}

/** How the official code holds a value: `map` with channels first, `sites` with channels last, `rows` without a map. */
type Layout = "map" | "sites" | "rows";

interface Known {
  readonly shape: readonly number[];
  readonly layout: Layout;
}

/** What a user may do about a tensor of the other layout. */
const layouts: Readonly<Record<Layout, readonly [words: string, remedy: string]>> = {
  map: [", channels first", "permute(0, 3, 1, 2) makes it so"],
  sites: [", channels last, as inside a block", "permute(0, 2, 3, 1) makes it so"],
  rows: ["", ""],
};

/**
 * What PyTorch gave for outputs and modules of a model, out of a file: `logits` and what else the model gives, and
 * modules by their path in the official code, in timm's or in transformers'. Every tensor must be one, of the shape that
 * the official module gives for the batch, in F32 or F64.
 */
export async function readRecorded(file: TensorFile, model: Model, batch: number): Promise<Result<RecordedValues>> {
  const known = knownValues(model, batch);
  const nearest = nearestOf(known.keys());
  const problems: Diagnostic[] = [];
  const found = new Map<string, Tensor>();
  for (const tensor of file.tensors.values()) {
    const name = graphName(tensor.name, known);
    const problem = name === null ? unknown(tensor, model, nearest) : misfit(tensor, name, known, found);
    if (problem !== null) problems.push(problem);
    else if (name !== null) found.set(name, tensor);
  }
  if (problems.length > 0) return fail(...capped(problems));
  if (found.size === 0) return fail(error("recorded-none", { file: file.name, offset: null }));
  const values = new Map<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }>();
  for (const [name, { shape }] of known) {
    const tensor = found.get(name);
    if (tensor !== undefined) values.set(name, { shape, data: await numbersOf(file, tensor) });
  }
  const taps = tapsOf(model);
  return ok({ file: file.name, values, modules: [...values.keys()].filter(name => taps.has(name)) });
}

/** Everything that can be compared, in the order of the network. */
function knownValues(model: Model, batch: number): ReadonlyMap<string, Known> {
  const taps = tapsOf(model);
  const built = build(model, [...taps.keys()]);
  if (!built.ok) throw new Error("a module has no tap");
  const graph = built.value;
  const all = new Map(
    graph.outputs.map(({ name, value }) => {
      const shape = resolve(nodeOf(graph, value).type.shape, batch);
      const first = taps.get(name)?.channelsFirst ?? true;
      return [name, { shape, layout: shape.length < 4 ? "rows" : first ? "map" : "sites" } as const];
    }),
  );
  const ordered = [...taps.keys(), ...[...all.keys()].filter(name => !taps.has(name))];
  return new Map(ordered.flatMap(name => (all.has(name) ? [[name, all.get(name) as Known] as const] : [])));
}

/** What the graph calls an output or a module, or null. */
function graphName(name: string, known: ReadonlyMap<string, Known>): string | null {
  const bare = name.replace(/^encoder\./, "");
  const paths = [name, bare, ...officialModules(name)];
  // The official code's last module is a linear layer, whose output the model calls its logits.
  return paths.map(path => (path === "head" ? "logits" : path)).find(path => known.has(path)) ?? null;
}

function unknown({ name, place }: Tensor, model: Model, nearest: Nearest): Diagnostic {
  const problem = error("recorded-unknown", place, name, model.name, nearest(name));
  const isInput = inputPorts(model).some(port => port.name === name);
  return isInput ? withNote(problem, "what a model takes is read from --input") : problem;
}

function misfit(
  tensor: Tensor,
  name: string,
  known: ReadonlyMap<string, Known>,
  found: ReadonlyMap<string, Tensor>,
): Diagnostic | null {
  const { shape, layout } = known.get(name) as Known;
  const [words, remedy] = layouts[layout];
  const twin = found.get(name);
  if (twin !== undefined) return error("recorded-twice", tensor.place, twin.name, tensor.name, name);
  if (tensor.dtype !== "F32" && tensor.dtype !== "F64")
    return withNote(
      error("recorded-misfit", tensor.place, tensor.name, tensor.dtype, tensor.shape, shape, words),
      tensor.dtype === "F16" || tensor.dtype === "BF16"
        ? "16 bits round more than the limit allows: record it in float32"
        : "record what the module gives, in float32",
    );
  // A loss is a number without dimensions, or one in a row.
  const isNumber = elements(shape) === 1 && tensor.shape.length === 0;
  if (isNumber || tensor.shape.join() === shape.join()) return null;
  const problem = error("recorded-misfit", tensor.place, tensor.name, tensor.dtype, tensor.shape, shape, words);
  if (remedy !== "" && tensor.shape.join() === otherLayout(shape, layout).join()) return withNote(problem, remedy);
  const [images] = tensor.shape;
  const isOtherBatch = images !== shape[0] && tensor.shape.slice(1).join() === shape.slice(1).join();
  return isOtherBatch ? withNote(problem, `--input has ${shape[0]} images`) : problem;
}

const otherLayout = ([n = 0, a = 0, b = 0, c = 0]: readonly number[], layout: Layout): readonly number[] =>
  layout === "map" ? [n, b, c, a] : [n, c, a, b];

async function numbersOf(file: TensorFile, { name, dtype }: Tensor): Promise<ArrayLike<number>> {
  const bytes = await file.bytes(name);
  return dtype === "F64" ? new Float64Array(copied(bytes)) : toF32.F32(bytes);
}
