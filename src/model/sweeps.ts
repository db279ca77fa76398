import { type Diagnostic, fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { error, withNote } from "../diagnostics/messages.ts";
import { nearestOf } from "../diagnostics/nearest.ts";
import type { AxisItem, RequireItem, SweepDeclaration, Value } from "../syntax/ast.ts";
import { limits } from "../syntax/limits.ts";
import { printPath, printValue } from "../syntax/print.ts";
import { assemble } from "./assemble.ts";
import type { Located } from "./field-types.ts";
import type { ModelSettings } from "./fields.ts";
import type { Axis, Model, Requirement, Sweep } from "./model.ts";
import { describeSteps, putAt, resolvePath } from "./path.ts";
import { type Report, read } from "./read.ts";

const maxPoints = 100_000;

/** A sweep with every value of every axis checked on its own. What values are together is known only at a point. */
export function checkSweep(declaration: SweepDeclaration, base: ModelSettings, report: Report): Sweep {
  const { name, parent, items, span } = declaration;
  const axes: Axis[] = [];
  const requirements: Requirement[] = [];
  for (const item of items) {
    if (item.kind === "require") requirements.push(...checkRequirement(item, report));
    else axes.push(...checkAxis(item, base, axes, report));
  }
  return { name: name.text, parent: parent.text, base, axes, requirements, span: { ...span, end: name.span.end } };
}

/** How many points a sweep has before its requirements, counted without making them. */
export function countPoints({ name, axes, span }: Sweep): Result<number> {
  const points = axes.reduce((product, { values }) => product * values.length, 1);
  return points <= maxPoints ? ok(points) : fail(error("sweep-too-large", span, name, points, maxPoints));
}

/** The model at a point: one index of a value an axis. Fails where the values do not fit together. */
export function modelAt(sweep: Sweep, choice: readonly number[], name: string = sweep.name): Result<Model> {
  const { axes, base, span } = sweep;
  let settings = base;
  for (const [i, { steps, choices }] of axes.entries()) {
    const value = choices[choice[i] ?? 0];
    if (value !== undefined) settings = putAt(settings, steps, value);
  }
  const varied = axes.filter(({ steps }) => steps[0] === "dims");
  if (varied.length === 1 && varied[0]?.steps[1] === 0) settings = { ...settings, ...doubled(base, settings) };
  const diagnostics: Diagnostic[] = [];
  const model = assemble(name, settings, span, diagnostic => diagnostics.push(diagnostic));
  return model === null ? fail(...diagnostics) : ok(model);
}

/** Where the parent doubles its channels from stage to stage, so does a point that varies only the first. */
function doubled(base: ModelSettings, { dims }: ModelSettings): Pick<ModelSettings, "dims"> {
  const before = base.dims?.value.map(({ value }) => value) ?? [];
  const first = dims?.value[0]?.value;
  if (dims === undefined || first === undefined) return {};
  if (before.some((dim, i) => dim !== (before[0] ?? 0) * 2 ** i)) return {};
  return { dims: { ...dims, value: dims.value.map((dim, i) => ({ ...dim, value: first * 2 ** i })) } };
}

function checkAxis(item: AxisItem, base: ModelSettings, before: readonly Axis[], report: Report): readonly Axis[] {
  const target = resolvePath(item.path, base, report);
  // What the steps say and not what is written, so that `dims[0.0]` is `dims[0]`.
  const path = target === null ? printPath(item.path) : describeSteps(target.steps);
  const written = valuesOf(item.values, path, report);
  if (target === null || written === null || clashes(item, path, before, report)) return [];
  const choices: Located<unknown>[] = [];
  const values = new Map<string, Value>();
  for (const value of written) {
    const choice = read(target.type, value, path, report);
    if (choice === null) continue;
    choices.push(choice);
    const text = String(plain(value));
    const same = values.get(text);
    if (same !== undefined)
      report(withNote(error("duplicate-value", value.span, path, text), "first given", same.span));
    else values.set(text, value);
  }
  return [{ path, steps: target.steps, values: written.map(plain), choices, span: item.path.span }];
}

/** Whether an axis is about the same as one before it, or about a part of it, or has it as a part. */
function clashes({ path: { span } }: AxisItem, path: string, before: readonly Axis[], report: Report): boolean {
  for (const other of before) {
    const [short, long] = other.path.length < path.length ? [other.path, path] : [path, other.path];
    if (short === long) report(withNote(error("duplicate-axis", span, path), "first given", other.span));
    else if (long.startsWith(short) && /^[.[]/.test(long.slice(short.length))) {
      report(withNote(error("axis-overlap", span, long, short), "the other is given", other.span));
    } else continue;
    return true;
  }
  return false;
}

/** The values of an axis: a list as it stands, a range written out. Null where they are neither. */
function valuesOf(values: Value, path: string, report: Report): readonly Value[] | null {
  if (values.kind === "list") {
    if (values.items.length === 0) report(error("empty-list", values.span, path));
    return values.items.length === 0 ? null : values.items;
  }
  if (values.kind !== "range") {
    report(error("wrong-type", values.span, path, "a list of values or a range such as 4..8 step 2", "one value"));
    return null;
  }
  const { from, to, step, span } = values;
  const by = step?.value ?? 1;
  for (const end of [from, to, ...(step === null ? [] : [step])]) {
    if (Number.isSafeInteger(end.value)) continue;
    report(error("not-an-integer", end.span, path, end.text, []));
    return null;
  }
  if (by < 1 || from.value > to.value) {
    if (by < 1) report(error("out-of-range", step?.span ?? span, "step", `${by}`, "a positive integer", ["1"]));
    else report(error("empty-range", span, path, from.text, to.text));
    return null;
  }
  const count = Math.floor((to.value - from.value) / by) + 1;
  if (count > limits.listEntries) {
    report(error("too-many-values", span, path, count, limits.listEntries));
    return null;
  }
  return Array.from({ length: count }, (_, i) => {
    const value = from.value + i * by;
    return { kind: "number", value, text: `${value}`, span };
  });
}

function plain(value: Value): number | string | boolean {
  if (value.kind === "number") return value.value;
  if (value.kind === "word" && (value.text === "true" || value.text === "false")) return value.text === "true";
  return printValue(value);
}

const quantities = ["params", "macs"] as const;

function checkRequirement({ quantity, compare, limit, span }: RequireItem, report: Report): readonly Requirement[] {
  const known = quantities.find(name => name === quantity.text);
  if (known !== undefined) return [{ quantity: known, compare, limit: limit.value, span }];
  const nearest = nearestOf(quantities)(quantity.text);
  report(error("unknown-word", quantity.span, "what is required", quantity.text, quantities.join(" or "), nearest));
  return [];
}
