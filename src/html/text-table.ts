import { shown } from "../diagnostics/escape.ts";

/** One column: its heading, and whether it holds figures, which end below one another. */
export interface Column {
  readonly name: string;
  readonly figures?: boolean;
}

/** Rows in columns two blanks apart, as lines for a terminal. A cell is data, whatever is in it. */
export function textTable(columns: readonly Column[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [columns.map(({ name }) => name), ...rows].map(row => row.map(cell => shown(cell)));
  const widths = columns.map((_, i) => Math.max(...all.map(row => (row[i] ?? "").length)));
  return all.map(row =>
    columns
      .map(({ figures }, i) =>
        figures ? (row[i] ?? "").padStart(widths[i] ?? 0) : (row[i] ?? "").padEnd(widths[i] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}
