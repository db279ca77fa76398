import { escapeJson, escapeLines } from "../diagnostics/escape.ts";

/** A script with what lets it run: `sha256-` and the hash of its text, in base64, as a Content-Security-Policy names it. */
export interface Script {
  readonly text: string;
  readonly hash: string;
}

/** What every page of cnxc has around its sections. */
export interface Page {
  readonly title: string;
  /** What it is about, a name and a value each. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** Markup of its sections. */
  readonly body: string;
  /** Rules of its own; the colours are --ground, --sheet, --ink, --soft, --line, --bar, --dot and --wrong. */
  readonly style: string;
  /** Runs once the body is there; no other script does. */
  readonly script?: Script;
}

/** One HTML page that needs no network, and no script unless it brings one, on a phone, in the dark and on paper. */
export const page = ({ title, facts, body, style, script }: Page): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'${script === undefined ? "" : `; script-src '${script.hash}'`}">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>
${base}${style}</style>
</head>
<body>
<main>
<header>
<h1>${escapeHtml(title)}</h1>
<dl>${facts.map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`).join("")}</dl>
</header>
${body}
</main>
${script === undefined ? "" : `<script>${script.text}</script>\n`}</body>
</html>
`;

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A text of one line or several as the text of an element, or between the quotes of an attribute. */
export const escapeHtml = (text: string): string =>
  escapeLines(text).replaceAll(/[&<>"']/g, character => entities[character] ?? character);

/** Data for a script of the page, as the text of an element of type `application/json`. */
export const scriptJson = (data: unknown): string =>
  escapeJson(JSON.stringify(data)).replaceAll(/[<>&]/g, sign => `\\u00${sign.charCodeAt(0).toString(16)}`);

const base = `:root { color-scheme: light dark; --ground: #fbfaf7; --sheet: #fff; --ink: #1d1d1b; --soft: #66645e; --line: #e2dfd7; --bar: #2f7d74; --dot: #1d1d1b; --wrong: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ground: #151614; --sheet: #1e1f1d; --ink: #eceae4; --soft: #a3a097; --line: #34352f; --bar: #5fb3a8; --dot: #eceae4; --wrong: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { margin: 0 0 1rem; font-size: 1.75rem; line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { margin: 3rem 0 0.25rem; font-size: 1.25rem; font-weight: 650; }
p { max-width: 42rem; margin: 0 0 1.25rem; color: var(--soft); }
dl { display: flex; flex-wrap: wrap; gap: 0.75rem 2rem; margin: 0; }
dt { color: var(--soft); font-size: 0.8125rem; }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.sheet { background: var(--sheet); border: 1px solid var(--line); border-radius: 0.75rem; padding: 1rem; margin: 0 0 1rem; }
@media (max-width: 34rem) {
  main { padding: 1.25rem 0.875rem 3rem; }
  h1 { font-size: 1.375rem; }
  dl { display: grid; grid-template-columns: 1fr 1fr; column-gap: 0.75rem; }
}
`;
