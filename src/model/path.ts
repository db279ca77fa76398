import { error } from "../diagnostics/messages.ts";
import { nearestOf } from "../diagnostics/nearest.ts";
import type { Path, PathStep } from "../syntax/ast.ts";
import type { Fields, FieldType, Located, Settings } from "./field-types.ts";
import { type ModelSettings, modelFields } from "./fields.ts";
import { nearestField, type Report } from "./read.ts";

/** What a sweep's path leads to: the type of the values there, and the path as plain steps. */
export interface Target {
  readonly type: FieldType;
  readonly steps: readonly (string | number)[];
}

/** A part of a value: its type, and its value as far as the parent model states it. */
interface Part {
  readonly type: FieldType;
  readonly current: Located<unknown> | undefined;
}

/** A point has the fields of a child. */
const varied: Fields = Object.fromEntries(Object.entries(modelFields).filter(([, { inherited }]) => inherited));

/** Follow a path through the fields of a model. Null where it leads nowhere, and then that was reported. */
export function resolvePath(path: Path, base: ModelSettings, report: Report): Target | null {
  const stages = base.depths?.value.length ?? 0;
  const first = memberOf(varied, base, path.field.text);
  if (first === null) {
    const nearest = nearestField(varied)(path.field.text);
    report(error("unknown-field", path.field.span, "a point of a sweep", path.field.text, nearest));
    return null;
  }
  let part: Part = first;
  const steps: (string | number)[] = [path.field.text];
  for (const step of path.steps) {
    const owner = describeSteps(steps);
    const next: Part | null =
      step.kind === "index" ? elementOf(part, step.index.value, stages) : fieldOf(part, step.name.text);
    if (next === null) {
      reportStep(part, step, owner, stages, report);
      return null;
    }
    part = next;
    steps.push(step.kind === "index" ? step.index.value : step.name.text);
  }
  return { type: part.type, steps };
}

/** A copy of `base` with another value at the end of the steps. */
export function putAt(base: ModelSettings, steps: Target["steps"], value: Located<unknown>): ModelSettings {
  const [name, ...rest] = steps;
  const part = memberOf(modelFields, base, String(name));
  if (part === null) return base;
  return { ...base, [String(name)]: put(part, rest, value, base.depths?.value.length ?? 0) };
}

function put(
  { type, current }: Part,
  steps: Target["steps"],
  value: Located<unknown>,
  stages: number,
): Located<unknown> {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  const wrap = (inner: unknown): Located<unknown> => ({ value: inner, span: value.span });
  if (typeof step === "number") {
    const elements = elementsOf({ type, current }, stages);
    return wrap(
      elements.map((element, i) => (i === step ? put({ type, current: element }, rest, value, stages) : element)),
    );
  }
  const inner = fieldOf({ type, current }, step);
  if (inner === null || type.kind === "measure") return value;
  const member = put(inner, rest, value, stages);
  if (type.kind === "group") return wrap({ ...(current?.value as object | undefined), [step]: member });
  const { kind, settings } = choiceOf(current);
  return wrap({ kind, settings: { ...settings, [step]: member } });
}

const memberOf = (fields: Fields, settings: Settings<Fields>, name: string): Part | null => {
  const known = Object.hasOwn(fields, name) ? fields[name] : undefined;
  return known === undefined ? null : { type: known.type, current: settings[name] };
};

/** A head that is not stated is a classifier. */
const choiceOf = (current: Located<unknown> | undefined) =>
  (current?.value ?? { kind: "classifier", settings: {} }) as {
    readonly kind: string;
    readonly settings: Settings<Fields>;
  };

function fieldsOf({ type, current }: Part): { readonly fields: Fields; readonly settings: Settings<Fields> } | null {
  if (type.kind === "group") return { fields: type.fields, settings: (current?.value ?? {}) as Settings<Fields> };
  if (type.kind !== "choice") return null;
  const { kind, settings } = choiceOf(current);
  return { fields: type.of[kind] ?? {}, settings };
}

function fieldOf(part: Part, name: string): Part | null {
  if (part.type.kind === "measure" && part.type.word === name) return { type: part.type.of, current: part.current };
  const inner = fieldsOf(part);
  return inner && memberOf(inner.fields, inner.settings, name);
}

/** One kernel for all stages is a list as long as there are stages. */
function elementsOf({ type, current }: Part, stages: number): readonly Located<unknown>[] {
  if (Array.isArray(current?.value)) return current.value;
  if (type.kind !== "one-or-many") return [];
  const one = current === undefined ? null : (current.value as Located<unknown>);
  return one === null ? [] : Array.from({ length: stages }, () => one);
}

function elementOf(part: Part, index: number, stages: number): Part | null {
  const { type } = part;
  if (type.kind !== "list" && type.kind !== "one-or-many") return null;
  const of = type.kind === "list" ? type.of : type.list.of;
  const elements = elementsOf(part, stages);
  return Number.isInteger(index) && index >= 0 && index < elements.length
    ? { type: of, current: elements[index] }
    : null;
}

/** `dims[0]`, `head.decoder.dim` */
export const describeSteps = (steps: Target["steps"]): string =>
  steps.map((step, i) => (typeof step === "number" ? `[${step}]` : i === 0 ? step : `.${step}`)).join("");

function reportStep(part: Part, step: PathStep, owner: string, stages: number, report: Report): void {
  if (step.kind === "member") {
    const nearest =
      part.type.kind === "measure" ? nearestOf([part.type.word]) : nearestField(fieldsOf(part)?.fields ?? {});
    report(error("unknown-field", step.span, owner, step.name.text, nearest(step.name.text)));
    return;
  }
  const length = elementsOf(part, stages).length;
  if (length === 0) report(error("unknown-field", step.span, owner, `[${step.index.text}]`, null));
  else
    report(
      error(
        "out-of-range",
        step.span,
        `the index of ${owner}`,
        step.index.text,
        `an integer from 0 to ${length - 1}`,
        [],
      ),
    );
}
