import { maxListed } from "../../diagnostics/capped.ts";
import type { Diagnostic, FilePlace } from "../../diagnostics/diagnostic.ts";
import { shown } from "../../diagnostics/escape.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import { nearestOf } from "../../diagnostics/nearest.ts";
import { isWeightDType, weightDTypes } from "../dtype.ts";
import { sameButOnes, shapeIn } from "../names/layouts.ts";
import type { ModelPart } from "../names/name-rows.ts";
import { contextOf, translate } from "../names/names.ts";
import type { RenamedFile } from "../names/rename.ts";
import { shellWord } from "../names/wrapped.ts";
import type { Param, TensorFile } from "../tensor.ts";
import { shapeRemedies } from "./shape-remedies.ts";

/** Names a suggestion is chosen from; it is a courtesy, and a hostile file may have 65,536. */
const maxCandidates = 1000;

/** What keeps a file's tensors from being a model's parameters: all of it, each with what can be done about it. */
export function misfits(
  file: TensorFile,
  known: RenamedFile,
  params: readonly Param[],
  allowExtra: boolean,
): readonly Diagnostic[] {
  const { tensors, unknownTensors, dialect } = known;
  const wanted = new Set(params.map(({ name }) => name));
  const spare = [...tensors].flatMap(([name, { tensor, known }]) =>
    wanted.has(name) || known.part !== "trunk" ? [] : [tensor],
  );
  const extra = [...spare, ...unknownTensors];
  const nearestExtra = nearestOf(extra.slice(0, maxCandidates).map(({ name }) => name));
  const absent = absentParts(file, known, params);
  const missing = params.filter(({ name }) => !tensors.has(name) && !absent.params.has(name));
  const nearestMissing = nearestOf(missing.slice(0, maxCandidates).map(({ name }) => name));
  const place: FilePlace = { file: file.name, offset: null };

  const shapes = params.flatMap(({ name, shape }) => {
    const found = tensors.get(name);
    if (found === undefined) return [];
    const { tensor, known } = found;
    const needed = shapeIn(known, dialect, shape);
    if (sameButOnes(tensor.shape, needed)) return [];
    const problem = error("weights-shape", tensor.place, tensor.name, tensor.shape, needed);
    const remedies = found.shape === null ? [] : (shapeRemedies[name]?.(shape, found.shape) ?? []);
    return [remedies.reduce((told, remedy) => withNote(told, remedy), problem)];
  });
  const dtypes = params.flatMap(({ name }) => {
    const tensor = tensors.get(name)?.tensor;
    if (tensor === undefined || isWeightDType(tensor.dtype)) return [];
    return [error("weights-dtype", tensor.place, tensor.name, tensor.dtype, weightDTypes)];
  });
  const lacks = missing.map(({ name, shape }, k) => {
    const problem = error("weights-missing", place, name, shape, k < maxListed ? nearestExtra(name) : null);
    const other = name === "head.weight" ? otherHead(known, params) : null;
    return other === null ? problem : withNote(problem, other);
  });
  const extras = extra.map((tensor, k) => {
    const nearest = k < maxListed ? nearestMissing(tensor.name) : null;
    const problem = error("weights-extra", tensor.place, tensor.name, nearest);
    if (k > 0) return problem;
    const taken = nearest === null ? null : nameIn(known, nearest);
    const hint = taken === null ? null : renameHint(tensor.name, taken);
    const leave = withNote(problem, "--allow-extra leaves what the model does not know, with a warning");
    return hint === null ? leave : withNote(leave, hint);
  });
  return [...shapes, ...dtypes, ...absent.problems, ...lacks, ...(allowExtra ? [] : extras)];
}

/** An official name as the file would have it; null where its naming has none. */
const nameIn = ({ tensors, dialect }: RenamedFile, official: string): string | null =>
  translate(official, "official", dialect, contextOf([...tensors.keys()], "official"))?.name ?? null;

/** Null where the name has what a rule means something by. */
const renameHint = (from: string, to: string): string | null =>
  /[=*]/.test(from) ? null : `--rename ${shown(shellWord(`${from}=${to}`))} takes ${shown(from)} for ${shown(to)}`;

/** Why a file may have nothing of a part that the model needs, and what to do. */
const whyAbsent: Readonly<Record<Exclude<ModelPart, "trunk">, (params: readonly Param[]) => string>> = {
  head: params => {
    const classes = params.find(({ name }) => name === "head.weight")?.shape[0];
    const start =
      classes === undefined
        ? ""
        : `; cnxc weights convert --classes ${classes} makes a start for that, with a head of zeros`;
    return `an encoder as pre-training leaves it has none: fine-tune it, or use it with \`head features { norm false }\`${start}`;
  },
  decoder: () =>
    "files of classifiers have no decoder, nor have the published FCMAE encoders: take a state of pre-training",
};

/** Parts of which a file has nothing: one sentence instead of one a parameter. */
function absentParts(file: TensorFile, known: RenamedFile, params: readonly Param[]) {
  const there = new Set([...known.tensors.values()].map(({ known }) => known.part));
  const problems: Diagnostic[] = [];
  const absent = new Set<string>();
  for (const part of ["head", "decoder"] as const) {
    if (there.has(part)) continue;
    const names = params.flatMap(({ name }) => (translate(name, "official", "official")?.part === part ? [name] : []));
    if (names.length === 0) continue;
    for (const name of names) absent.add(name);
    const modules = [...new Set(names.map(name => name.split(".")[0] ?? name))];
    const problem = error("weights-no-part", { file: file.name, offset: null }, part, modules);
    // A layer that looks like the head keeps what was learnt: nothing else is worth a word then.
    const other = part === "head" ? otherHead(known, params) : null;
    problems.push(withNote(problem, other ?? whyAbsent[part](params)));
  }
  return { problems, params: absent };
}

/** The way to use a linear layer that looks like the head that is needed, whatever it is called. */
function otherHead(known: RenamedFile, params: readonly Param[]): string | null {
  const needed = params.find(({ name }) => name === "head.weight")?.shape.join();
  const like = known.unknownTensors.find(({ name, shape }) => name.endsWith(".weight") && shape.join() === needed);
  const taken = nameIn(known, "head.weight");
  const cut = (name: string): string => name.slice(0, -"weight".length);
  return like === undefined || taken === null ? null : renameHint(cut(like.name), cut(taken));
}
