type Attribute = string | number | boolean;
export type Attributes = Readonly<Record<string, Attribute>>;
export type Child = Node | string;

/** An element of HTML; an attribute that is false is left out, one that is true has no value. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(tag), attributes, children);
}

/** An element of SVG. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled<T extends Element>(element: T, attributes: Attributes, children: readonly Child[]): T {
  for (const [name, value] of Object.entries(attributes))
    if (value !== false) element.setAttribute(name, value === true ? "" : `${value}`);
  element.append(...children);
  return element;
}

export function button(text: string, onClick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const element = el("button", { type: "button", ...attributes }, text);
  element.addEventListener("click", onClick);
  return element;
}

/** A section with its heading. */
export const section = (id: string, title: string, ...children: readonly Child[]): HTMLElement =>
  el("section", { "aria-labelledby": id }, el("h2", { id }, title), ...children);

/** Names and values, each value below its name. */
export const facts = (entries: readonly (readonly [name: string, value: Child])[]): HTMLElement =>
  el("dl", {}, ...entries.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));

/** A place for a drawing, and what draws it anew. */
export interface Drawing {
  readonly place: HTMLElement;
  readonly draw: () => void;
}

/**
 * A drawing as wide as the page gives it: drawn once there is a width, and again when that changes. What is drawn must not
 * change the width.
 */
export function drawing(make: (width: number) => Element): Drawing {
  const place = el("div", { class: "drawing" });
  let last = 0;
  const draw = (): void => {
    if (last > 0) place.replaceChildren(make(last));
  };
  new ResizeObserver(() => {
    const width = Math.floor(place.clientWidth);
    if (width === 0 || width === last) return;
    last = width;
    draw();
  }).observe(place);
  return { place, draw };
}

export const drawn = (make: (width: number) => Element): HTMLElement => drawing(make).place;

/** The sizes of a drawing that fills its place, and shrinks with it on paper. */
export const sized = (width: number, height: number): Attributes => ({
  viewBox: `0 0 ${width} ${height}`,
  width,
  height,
});
