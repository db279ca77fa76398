import { escapeControls } from "../diagnostics/escape.ts";

/** What does not fit: the path of a value inside its file, and what should stand there. */
export interface Misfit {
  readonly where: string;
  readonly wanted: string;
}

/** Finds the first misfit of a value that came from a file; null where there is none. `where` is the value's path. */
export type Shape = (value: unknown, where: string) => Misfit | null;

/** A shape that a single question decides. */
export const fitting =
  (wanted: string, fits: (value: unknown) => boolean): Shape =>
  (value, where) =>
    fits(value) ? null : { where, wanted };

export const number = (from: number, to: number): Shape =>
  fitting(`a number from ${from} to ${to}`, value => typeof value === "number" && value >= from && value <= to);

export const whole = (from: number, to: number): Shape =>
  fitting(
    `a whole number from ${from} to ${to}`,
    value => Number.isInteger(value) && (value as number) >= from && (value as number) <= to,
  );

export const flag: Shape = fitting("true or false", value => typeof value === "boolean");

/** Text of one line: nothing in it moves a cursor or turns the direction of what stands beside it. */
export const line = (most: number): Shape =>
  fitting(
    `one line of at most ${most} characters, without control characters`,
    value => typeof value === "string" && value.length <= most && escapeControls(value) === value,
  );

export const matching = (pattern: RegExp, wanted: string): Shape =>
  fitting(wanted, value => typeof value === "string" && pattern.test(value));

export const oneOf = (...values: readonly (string | number)[]): Shape =>
  fitting(values.length === 1 ? `${values[0]}` : `one of ${values.join(", ")}`, value =>
    values.includes(value as string),
  );

export const orNull =
  (shape: Shape): Shape =>
  (value, where) => {
    const misfit = value === null ? null : shape(value, where);
    return misfit?.where === where ? { where, wanted: `null or ${misfit.wanted}` } : misfit;
  };

export const listOf =
  (shape: Shape, least: number, most: number): Shape =>
  (value, where) => {
    if (!Array.isArray(value) || value.length < least || value.length > most)
      return { where, wanted: least === most ? `a list of ${most}` : `a list of ${least} to ${most}` };
    for (const [i, item] of value.entries()) {
      const misfit = shape(item, `${where}[${i}]`);
      if (misfit !== null) return misfit;
    }
    return null;
  };

export type Fields = Readonly<Record<string, Shape>>;

/** An object of these fields, all of them and no others. */
export const fieldsOf =
  (fields: Fields): Shape =>
  (value, where) => {
    if (!isObject(value)) return { where, wanted: "an object" };
    const other = Object.keys(value).find(name => !Object.hasOwn(fields, name));
    if (other !== undefined)
      return { where: inside(where, other), wanted: `one of the fields ${Object.keys(fields).join(", ")}` };
    for (const [name, shape] of Object.entries(fields)) {
      const misfit = shape(value[name], inside(where, name));
      if (misfit !== null) return misfit;
    }
    return null;
  };

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const inside = (where: string, name: string): string => (where === "" ? name : `${where}.${name}`);
