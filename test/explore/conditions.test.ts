import { expect, test } from "vitest";
import { columnsOf } from "../../src/explore/columns.ts";
import { readBudget, readCondition, readDirection } from "../../src/explore/conditions.ts";

const setting = { device: "m3-max", title: "", dtype: "f32", batch: 1 } as const;
const columns = columnsOf([
  { ...setting, label: "m3-max/b1" },
  { ...setting, label: "m3-max/b8", batch: 8 },
]);

test.each([
  ["params<=5M", "params", "<=", 5e6],
  ["macs > 1.5G", "macs", ">", 1.5e9],
  ["scratch<4MiB", "scratch@m3-max/b1", "<", 4 * 2 ** 20],
  ["latency@m3-max/b8<2ms", "latency@m3-max/b8", "<", 2],
  ["latency<0.25s", "latency@m3-max/b1", "<", 250],
  ["latency >= 300us", "latency@m3-max/b1", ">=", 0.3],
  ["kernels==42", "kernels@m3-max/b1", "==", 42],
])("%s", (text, name, compare, limit) => {
  const read = readCondition(text, columns);
  if (!read.ok) throw new Error(text);
  expect([read.value.column.name, read.value.compare]).toEqual([name, compare]);
  expect(read.value.limit).toBeCloseTo(limit, 9);
});

test.each(["params", "params<", "params<=five", "params<=5ms", "latency<2KiB", "<5M", "params<=5 M M"])(
  "'%s' is no condition",
  text => expect(readCondition(text, columns)).toMatchObject({ ok: false, diagnostics: [{ code: "bad-condition" }] }),
);

test("an unknown column is told with the nearest one", () => {
  const read = readCondition("parms<=5M", columns);
  expect(read.ok ? "" : read.diagnostics[0]?.message).toContain("did you mean 'params'?");
});

test("a budget is at most so much of each", () => {
  const read = readBudget("params=5M,latency=2ms@m3-max/b8", columns);
  const found = read.ok ? read.value.map(({ column, compare, limit }) => [column.name, compare, limit]) : [];
  expect(found).toEqual([
    ["params", "<=", 5e6],
    ["latency@m3-max/b8", "<=", 2],
  ]);
  expect(readBudget("params", columns)).toMatchObject({ ok: false, diagnostics: [{ code: "bad-condition" }] });
});

test("less is better unless :max says more", () => {
  const directions = ["macs:max", "latency", "params:min"].map(text => readDirection(text, "--sort", columns));
  expect(directions.map(read => read.ok && [read.value.column.name, read.value.most])).toEqual([
    ["macs", true],
    ["latency@m3-max/b1", false],
    ["params", false],
  ]);
});

test.each(["params\n<=5M", "params<=5M\u2028", `${" ".repeat(300)}params<=5M`])(
  "%j is no line that a query may hold",
  text => {
    const codes = (read: { readonly ok: boolean; readonly diagnostics: readonly { readonly code: string }[] }) =>
      read.diagnostics.map(({ code }) => code);
    expect(codes(readCondition(text, columns))).toEqual(["bad-condition"]);
    expect(codes(readDirection(text.replace("<=5M", ""), "--sort", columns))).toEqual(["bad-condition"]);
    expect(codes(readBudget(text.replace("<", ""), columns))).toEqual(["bad-condition"]);
  },
);
