import { filterOf } from "../filter.ts";
import { stillColumns, stillTable } from "../still.ts";
import { agreements } from "./agreement.ts";
import { el, section } from "./dom.ts";
import { scatter } from "./scatter.ts";
import type { Change, State } from "./state.ts";
import { type Sort, sorted, tableOf } from "./table.ts";

/** Rows of the table that go on paper. */
const mostStillRows = 20;

export interface Overview {
  readonly root: HTMLElement;
  readonly focusFilter: () => void;
  readonly focusTable: () => void;
}

/** Everything at once: the plot, what was measured, and the table. */
export function overviewOf(state: State): Overview {
  let sort: Sort | null = null;
  const input = el("input", {
    type: "search",
    id: "filter",
    placeholder: "params<5M front",
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": "found",
  });
  const found = el("p", { class: "found", id: "found", role: "status" });
  const select = (what: Change): void => {
    const { exploration, columns, front, nameOf } = state;
    const { holds, problems } = filterOf(input.value, { columns, front, describe: nameOf });
    const matching = exploration.variants.filter(holds);
    state.shown = sort === null ? matching : sorted(matching, sort);
    found.textContent = [`${matching.length} of ${exploration.variants.length} variants`, ...problems].join("; ");
    found.classList.toggle("wrong", problems.length > 0);
    state.changed(what);
    keepStill(state, sort, input.value);
  };
  const table = tableOf(state, chosen => {
    sort = chosen;
    select("order");
  });
  input.addEventListener("input", () => select("shown"));
  input.addEventListener("keydown", event => {
    if (event.key === "Escape" && input.value !== "") {
      input.value = "";
      select("shown");
    } else if (event.key === "Escape") input.blur();
    else if (event.key === "ArrowDown" || event.key === "Enter") table.focus();
    else return;
    event.preventDefault();
  });
  const root = el(
    "div",
    { id: "overview" },
    section("plot", "Trade-offs", scatter(state)),
    ...agreements(state),
    section(
      "variants",
      "Variants",
      el("div", { class: "controls" }, el("label", { class: "wide" }, "Filter", input)),
      found,
      help(state),
      table.root,
    ),
  );
  select("order");
  return { root, focusFilter: () => input.focus(), focusTable: table.focus };
}

function help({ columns }: State): HTMLElement {
  const names = columns.flatMap(({ name }, i) => [...(i === 0 ? [] : [" "]), el("code", {}, name)]);
  const line = (...children: Parameters<typeof el>[2][]): HTMLElement => el("p", {}, ...children);
  return el(
    "details",
    {},
    el("summary", {}, "How to filter, and keys"),
    line(
      "Terms with blanks between them must all hold: ",
      el("code", {}, "params<5M"),
      ", a range ",
      el("code", {}, "latency=1..2ms"),
      ", ",
      el("code", {}, "front"),
      ", ",
      el("code", {}, "#12"),
      ", or any part of what a variant has on its axes. A column without its setting is the first setting's.",
    ),
    line("Columns: ", ...names),
    line("Keys: / filters; ↑ ↓ move; Enter opens; Space or C compares; Escape goes back."),
  );
}

/** Writes what paper shows of the table: its first rows, as sorted and filtered. */
function keepStill({ columns, exploration, shown }: State, sort: Sort | null, filter: string): void {
  const place = document.getElementById("still-head");
  if (place === null) return;
  const order = sort === null ? "in the order of the sweep" : `by ${sort.column.title}`;
  const words = filter.trim() === "" ? "" : `, where ${filter.trim()}`;
  const rows = shown.slice(0, mostStillRows);
  const caption = `${rows.length} of ${shown.length} variants ${order}${words}`;
  place.innerHTML = stillTable(caption, stillColumns(columns, exploration.query), rows);
}
