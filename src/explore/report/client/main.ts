import { type PackedReport, unpacked } from "../data.ts";
import { basketOf } from "./basket.ts";
import { compareView } from "./compare.ts";
import { type Child, el } from "./dom.ts";
import { type Overview, overviewOf } from "./overview.ts";
import { type State, stateOf } from "./state.ts";
import { variantView } from "./variant.ts";

/** What the fragment of the address asks for; null where it is the overview, a sentence where there is no such thing. */
function viewOf(state: State, fragment: string): readonly Child[] | string | null {
  const [, one, left, right] = /^#(?:v=(\d+)|compare=(\d+),(\d+))$/.exec(fragment) ?? [];
  const asked = [one, left, right].flatMap(text => (text === undefined ? [] : [Number(text)]));
  const missing = asked.find(index => state.variantOf(index) === null);
  if (missing !== undefined) return `This report has no variant #${missing}.`;
  const [a, b] = asked.flatMap(index => state.variantOf(index) ?? []);
  if (a === undefined) return null;
  return b === undefined ? variantView(state, a) : compareView(state, a, b);
}

function start(app: HTMLElement, state: State): void {
  const overview = overviewOf(state);
  const page = el("div", { id: "page" });
  const notice = el("p", { class: "notice", role: "alert", hidden: true });
  app.append(notice, overview.root, page, basketOf(state));
  const { title } = document;
  let scrolled = 0;
  const show = (): void => {
    const view = viewOf(state, location.hash);
    const wasOverview = !document.body.classList.contains("one");
    const isOne = view !== null && typeof view !== "string";
    if (wasOverview && isOne) scrolled = scrollY;
    document.body.classList.toggle("one", isOne);
    notice.hidden = typeof view !== "string";
    notice.textContent = typeof view === "string" ? view : "";
    page.replaceChildren(...(isOne ? view : []));
    const heading = page.querySelector("h1");
    document.title = heading === null ? title : `${heading.textContent} · ${title}`;
    if (isOne) scrollTo(0, 0);
    else if (!wasOverview) scrollTo(0, scrolled);
    heading?.focus({ preventScroll: true });
    if (!isOne && !wasOverview) overview.focusTable();
  };
  addEventListener("hashchange", show);
  document.addEventListener("keydown", event => shortcut(event, overview));
  show();
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement ? target.type !== "checkbox" : target instanceof HTMLSelectElement;

/** Keys that work anywhere. */
function shortcut(event: KeyboardEvent, overview: Overview): void {
  const isOne = document.body.classList.contains("one");
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key === "/" && !isOne) overview.focusFilter();
  else if (event.key === "Escape" && isOne) location.hash = "";
  else return;
  event.preventDefault();
}

const [app, data] = ["app", "data"].map(id => document.getElementById(id));
if (app && data) start(app, stateOf(unpacked(JSON.parse(data.textContent ?? "") as PackedReport)));
