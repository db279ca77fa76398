import type { Span } from "./diagnostic.ts";
import { escapeControls } from "./escape.ts";

/** The line a span begins on, and what to print below it. */
export interface Frame {
  readonly line: string;
  readonly text: string;
  readonly indent: string;
  readonly mark: string;
}

const columns = 120;
const ellipsis = "…";

/** Cut around the span where the line is long. A span over several lines is marked to the end of its first. */
export function codeFrame({ source: { text }, start, end }: Span): Frame {
  const from = Math.min(Math.max(0, start), text.length);
  const before = text.slice(0, from).split(/\r\n|\n|\r/);
  const head = before.at(-1) ?? "";
  const rest = /^[^\n\r]*/.exec(text.slice(from))?.[0] ?? "";
  const marked = Math.min(Math.max(0, end - from), rest.length);

  // Only as much of a very long line is looked at as can be shown.
  const left = cells(head.slice(-2 * columns));
  const middle = cells(rest.slice(0, Math.min(marked, 2 * columns)));
  const right = cells(rest.slice(marked, marked + columns));
  const shownMiddle = middle.slice(0, columns - 2);
  const room = columns - shownMiddle.length;
  const leftRoom = Math.min(left.length, Math.max(Math.floor(room / 2), room - right.length));
  const shownLeft = left.slice(left.length - leftRoom);
  const shownRight = right.slice(0, room - leftRoom);
  if (leftRoom < left.length || head.length > 2 * columns) shownLeft[0] = ellipsis;
  const whole = [...shownLeft, ...shownMiddle, ...shownRight];
  const complete = shownMiddle.length === middle.length && shownRight.length === right.length;
  if (!complete || rest.length > marked + columns) whole[whole.length - 1] = ellipsis;
  return {
    line: String(before.length),
    text: whole.join(""),
    indent: " ".repeat(shownLeft.length),
    mark: "^".repeat(Math.max(1, shownMiddle.length)),
  };
}

/** What stands in each column: a tab is two blanks, an escape of a control character one sign a column. */
const cells = (text: string): string[] => {
  const all: string[] = [];
  for (const character of text) {
    if (character === "\t") all.push(" ", " ");
    else if (escapeControls(character) === character) all.push(character);
    else all.push(...escapeControls(character));
  }
  return all;
};
