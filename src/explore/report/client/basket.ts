import { button, el } from "./dom.ts";
import { compareHref, type State, toggleCompared, variantHref } from "./state.ts";

/** What is to be compared, at the foot of the window while there is any. */
export function basketOf(state: State): HTMLElement {
  const root = el("aside", { class: "basket", "aria-label": "To compare", hidden: true });
  const show = (): void => {
    const [a, b] = state.compared;
    root.hidden = a === undefined;
    root.replaceChildren(
      ...state.compared.map(index => chosen(state, index)),
      a !== undefined && b !== undefined
        ? el("a", { class: "go", href: compareHref(a, b) }, `Compare #${a} and #${b}`)
        : el("span", { class: "soft" }, "Choose a second one"),
    );
  };
  state.onChange(what => {
    if (what === "compared") show();
  });
  return root;
}

const chosen = (state: State, index: number): HTMLElement =>
  el(
    "span",
    { class: "chosen" },
    el("a", { href: variantHref(index) }, `#${index}`),
    button("×", () => toggleCompared(state, index), { "aria-label": `Do not compare variant ${index}` }),
  );
