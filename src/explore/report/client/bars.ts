import { durationsOf, share } from "../format.ts";
import { el } from "./dom.ts";
import type { Part } from "./kernels.ts";

/** Parts of times as bars in one measure: a bar for each of the times in every line, the first time's name first. */
export function bars(times: readonly { readonly name: string; readonly parts: readonly Part[] }[]): HTMLElement {
  const titles = [...new Set(times.flatMap(({ parts }) => parts.map(({ title }) => title)))];
  const secondsOf = (parts: readonly Part[], title: string): number =>
    parts.find(part => part.title === title)?.seconds ?? 0;
  const longest = Math.max(...times.flatMap(({ parts }) => parts.map(({ seconds }) => seconds)), 1e-12);
  const { unit, text } = durationsOf([longest]);
  return el(
    "div",
    { class: "bars", role: "list" },
    ...titles.map(title =>
      el(
        "div",
        { class: "bar", role: "listitem" },
        el("span", { class: "label" }, title),
        el(
          "div",
          { class: "tracks" },
          ...times.map(({ name, parts }, i) => {
            const seconds = secondsOf(parts, title);
            const whole = parts.reduce((sum, part) => sum + part.seconds, 0);
            const fill = el("b", { class: i === 0 ? "" : "second" });
            fill.style.width = `${(100 * seconds) / longest}%`;
            return el(
              "div",
              { class: "track" },
              ...(times.length > 1 ? [el("span", { class: "name" }, name)] : []),
              el("span", { class: "rail" }, fill),
              el("span", { class: "value" }, seconds === 0 ? "–" : `${text(seconds)} ${unit}`),
              el("span", { class: "share" }, seconds === 0 ? "" : share(seconds, whole)),
            );
          }),
        ),
      ),
    ),
  );
}
