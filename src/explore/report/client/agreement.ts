import { scaleOf } from "../../../html/scale.ts";
import type { Column } from "../columns.ts";
import { digits, formatOf } from "../format.ts";
import { agreementOf, type Pair } from "../statistics.ts";
import { drawn, el, facts, section, svg } from "./dom.ts";
import { dots, line, plotOf } from "./plot.ts";
import type { State } from "./state.ts";

/** For every setting under which something was measured: predicted times against measured ones. */
export function agreements(state: State): readonly HTMLElement[] {
  const latencies = state.columns.filter(({ name, measured }) => name.startsWith("latency@") && measured !== null);
  if (latencies.length === 0) return [];
  return [section("measured", "Predicted against measured", ...latencies.map(column => agreement(state, column)))];
}

function agreement({ exploration }: State, column: Column): HTMLElement {
  const pairs = exploration.variants.flatMap((variant): readonly Pair[] => {
    const measured = column.measured?.(variant) ?? null;
    return measured === null ? [] : [{ predicted: column.of(variant) as number, measured }];
  });
  const { count, rank, medianError } = agreementOf(pairs);
  const [correlation, error] = [rank === null ? "–" : rank.toFixed(2), `${digits(100 * medianError, 2)}%`];
  const words = `${column.group}: ${count} measured, rank correlation ${correlation}, median error ${error}`;
  return el(
    "div",
    { class: "sheet agreement" },
    drawn(width => drawing(pairs, column, width, words)),
    facts([
      ["For", column.group],
      ["Measured", `${count}`],
      ["Rank correlation", correlation],
      ["Median error", error],
    ]),
  );
}

function drawing(pairs: readonly Pair[], column: Column, width: number, words: string): Element {
  const scale = scaleOf(
    pairs.flatMap(({ predicted, measured }) => [predicted, measured]),
    5,
  );
  const { round } = formatOf(
    column,
    pairs.map(({ measured }) => measured),
  );
  const axis = (title: string) => ({ title: `${title}, ms`, scale, text: round });
  const plot = plotOf(width, Math.min(width, 380), axis("measured"), axis("predicted"));
  const { root, x, y } = plot;
  const all = pairs.flatMap(({ predicted, measured }) => [predicted, measured]);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  root.setAttribute("role", "img");
  root.setAttribute("aria-label", words);
  root.append(
    svg("path", {
      class: "limit",
      d: line([
        [x(low), y(low)],
        [x(high), y(high)],
      ]),
    }),
    svg("path", { class: "dots best", d: dots(pairs.map(({ predicted, measured }) => [x(measured), y(predicted)])) }),
    svg("text", { class: "halo", x: x(high) - 8, y: y(high) - 4, "text-anchor": "end" }, "as predicted"),
  );
  return root;
}
