import { expect, test } from "vitest";
import { textTable } from "../../src/html/text-table.ts";
import { columns } from "../../src/verify/report.ts";
import { hidden, hostile } from "../support/hostile.ts";

const rows = Object.values(hostile).map(text => [text, "1"]);

test.each([
  ["textTable", textTable([{ name: "a" }, { name: "b", figures: true }], rows)],
  ["columns", columns([["a", "b"], ...rows])],
])("a cell of %s is data: a row is a line of bounded length, and columns stand below one another", (_, lines) => {
  expect(lines).toHaveLength(rows.length + 1);
  for (const line of lines) {
    expect(line).not.toMatch(hidden);
    expect(line).not.toContain("\n");
    expect(line.length).toBeLessThan(300);
  }
  expect(new Set(lines.map(line => line.search(/\S$/))).size).toBe(1);
});
