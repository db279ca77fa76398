import type { Detail, Exploration, Variant } from "../../result.ts";
import { type Column, columnsOf, describe } from "../columns.ts";
import type { Report } from "../data.ts";

/** What the reader does, shared by the parts of the page. */
export interface State {
  readonly report: Report;
  readonly exploration: Exploration;
  readonly columns: readonly Column[];
  readonly front: ReadonlySet<number>;
  readonly variantOf: (index: number) => Variant | null;
  readonly detailOf: (index: number) => Detail | null;
  readonly nameOf: (variant: Variant) => string;
  /** Variants that the filter lets through, in the order of the table. */
  shown: readonly Variant[];
  /** The variant that plot and table point at, by its index. */
  current: number | null;
  /** Up to two indices to compare. */
  compared: readonly number[];
  readonly onChange: (listener: (what: Change) => void) => void;
  readonly changed: (what: Change) => void;
}

/** Which variants are shown, in which order, which is the current one, which are compared. */
export type Change = "shown" | "order" | "current" | "compared";

export function stateOf(report: Report): State {
  const { exploration, details } = report;
  const byIndex = new Map(exploration.variants.map(variant => [variant.index, variant]));
  const listeners: ((what: Change) => void)[] = [];
  return {
    report,
    exploration,
    columns: columnsOf(exploration),
    front: new Set(exploration.front),
    variantOf: index => byIndex.get(index) ?? null,
    detailOf: index => details.get(index) ?? null,
    nameOf: variant => describe(exploration, variant),
    shown: exploration.variants,
    current: null,
    compared: [],
    onChange: listener => {
      listeners.push(listener);
    },
    changed: what => {
      for (const listener of listeners) listener(what);
    },
  };
}

export function point(state: State, index: number | null): void {
  if (state.current === index) return;
  state.current = index;
  state.changed("current");
}

const mostCompared = 2;

/** Adds a variant to those compared, or takes it away; the one that was added first makes room. */
export function toggleCompared(state: State, index: number): void {
  const { compared } = state;
  state.compared = compared.includes(index)
    ? compared.filter(other => other !== index)
    : [...compared, index].slice(-mostCompared);
  state.changed("compared");
}

/** Addresses inside the page. */
export const variantHref = (index: number): string => `#v=${index}`;
export const compareHref = (a: number, b: number): string => `#compare=${a},${b}`;
