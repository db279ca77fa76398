import type { Variant } from "../../result.ts";
import { bars } from "./bars.ts";
import { type Child, el, section } from "./dom.ts";
import { differencesOf } from "./figures.ts";
import { byBound, byKind, type KernelLine, kernelLines } from "./kernels.ts";
import { stagesDrawing } from "./stages.ts";
import { compareHref, type State, variantHref } from "./state.ts";

/** Two variants beside each other: the second against the first. */
export function compareView(state: State, a: Variant, b: Variant): readonly Child[] {
  const titles = [a, b].map(variant => `#${variant.index}`);
  const lines = [a, b].map(variant => linesOf(state, variant));
  const [left, right] = lines;
  const parts = (of: (lines: readonly KernelLine[]) => ReturnType<typeof byKind>): HTMLElement =>
    el("div", { class: "sheet" }, bars(lines.map((each, i) => ({ name: titles[i] ?? "", parts: of(each ?? []) }))));
  return [
    el(
      "nav",
      { "aria-label": "Page" },
      el("a", { href: "#" }, "All variants"),
      el("a", { href: compareHref(b.index, a.index) }, "Swap"),
    ),
    el("h1", { tabindex: "-1" }, `Variant #${b.index} against #${a.index}`),
    el("ul", { class: "lead" }, ...[a, b].map(variant => named(state, variant))),
    section("figures", "Figures", differencesOf(state, a, b)),
    section(
      "stages",
      "Stages",
      stagesDrawing([a, b].map(variant => ({ title: `#${variant.index}`, stages: variant.stages }))),
    ),
    ...(left && right
      ? [section("bound", "What bounds them", parts(byBound)), section("kinds", "Kernels", parts(byKind))]
      : []),
  ];
}

const named = (state: State, variant: Variant): HTMLElement =>
  el("li", {}, el("a", { href: variantHref(variant.index) }, `#${variant.index}`), ` ${state.nameOf(variant)}`);

function linesOf(state: State, { index }: Variant): readonly KernelLine[] | null {
  const detail = state.detailOf(index);
  const [setting] = state.exploration.query.settings;
  return detail === null || setting === undefined ? null : kernelLines(detail, setting.batch);
}
