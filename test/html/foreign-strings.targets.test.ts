import { readFileSync } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { explorationPage } from "../../src/explore/report/page.ts";
import { inspect } from "../../src/inspect/inspect.ts";
import { inspectPage } from "../../src/inspect/page.ts";
import { type PageContent, page as reconstructionPage } from "../../src/reconstruct/page.ts";
import { runPage } from "../../src/training/report/page.ts";
import { htmlReport, type ReportContent } from "../../src/verify/report.ts";
import { hasChromium, launchChromium } from "../support/chromium.ts";
import { explored } from "../support/exploration.ts";
import { commanding, hostile } from "../support/hostile.ts";
import { checkFiles, must } from "../syntax/support.ts";
import { runContent } from "../training/report/content.ts";

/** Texts that are markup in one context or another, each of which shows that it got out by asking for something. */
const texts: Readonly<Record<string, string>> = {
  ...hostile,
  element: '<img src="https://elsewhere.test/a" onerror="alert(1)">',
  refresh: '<meta http-equiv="refresh" content="0;url=https://elsewhere.test/">',
  script: "</script><script>location='https://elsewhere.test/'</script>",
  attribute: `" onmouseover="alert(1)" style="background:url(https://elsewhere.test/b)" x='`,
  style: "</style><link rel=stylesheet href=https://elsewhere.test/c>",
  title: "</title><iframe src=https://elsewhere.test/d></iframe>",
  comment: "<!--<script>",
  svg: "<svg onload=alert(1)>]]><a xlink:href=javascript:alert(1)>",
};

/** The same value with every text in it replaced, but for the words that only a reader of ours lets through. */
function poisoned<T>(value: T, text: string, kept: readonly string[]): T {
  if (typeof value === "string") return (value.startsWith("data:") ? value : text) as T;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(item => poisoned(item, text, kept)) as T;
  const fields = Object.entries(value).map(([key, inner]) => [
    key,
    kept.includes(key) ? inner : poisoned(inner, text, kept),
  ]);
  return Object.fromEntries(fields) as T;
}

const all = explored(60);
const files = new Map(["convnextv2.cnx", "micro.cnx"].map(name => [name, readFileSync(`specs/${name}`)]));
const micro = must(checkFiles(files, "micro.cnx")).models.get("micro");
const inspection = () => {
  if (micro === undefined) throw new Error("no micro");
  const batch = { min: 1, max: 1 };
  return must(inspect({ model: micro, target: "wgsl", dtype: "f32", batch, sites: "auto" }));
};
const whole = inspection();
const pixel = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=";
const reconstructions: PageContent = {
  title: "a",
  facts: [["a", "b"]],
  images: [{ name: "a", loss: 0, input: pixel, masked: pixel, reconstruction: pixel }],
  size: { width: 1, height: 1 },
  stages: [{ name: "a", channels: 1, distances: [0.1] }],
};
const error = { name: "a", shape: [1], relL2: 1e-3, maxAbs: 1e-3, limit: 1e-2 } as never;
const comparison = { worst: error, first: error, values: [error], top1: null } as never;
const verified: ReportContent = {
  title: "a",
  facts: [["a", "b"]],
  judged: [
    { name: "a", on: "b", limit: 1e-3, milliseconds: 1, whole: comparison, each: comparison, recorded: comparison },
  ],
  recorded: { file: "a", limit: 1e-3, reference: comparison },
  skipped: ["a"],
};

const kept = ["format", "bound", "dtype", "tuning", "kind", "front", "sort", "where"];
/** Each page with one text wherever it has a text; null for what it usually has. */
const pages: Readonly<Record<string, (text: string | null) => string>> = {
  "of an exploration": text =>
    text === null
      ? explorationPage(all.exploration, all.details, all.devices)
      : explorationPage(
          poisoned(all.exploration, text, kept),
          all.details,
          all.devices.map(device => ({ ...poisoned(device, text, [...kept, "rates"]) })),
        ),
  "of an exploration with odd conditions and indices": text => {
    const { exploration } = all;
    const odd = text ?? "a";
    const query = { ...exploration.query, where: [odd], sort: [odd], front: [odd, odd] };
    const variants = exploration.variants.map((variant, i) => ({
      ...variant,
      index: `${odd}${i}` as unknown as number,
    }));
    const front = variants.slice(0, 3).map(({ index }) => index);
    const search = { seed: odd as unknown as number, budget: [odd] };
    return explorationPage({ ...exploration, query, variants, front, search, complete: false }, [], []);
  },
  "of an inspection": text => inspectPage(text === null ? whole : poisoned(whole, text, ["dtype", "target"])),
  "of reconstructions": text =>
    reconstructionPage(text === null ? reconstructions : poisoned(reconstructions, text, [])),
  "of a run": text => runPage(text === null ? runContent(30) : poisoned(runContent(30), text, [])),
  "of a verification": text => htmlReport(text === null ? verified : poisoned(verified, text, [])),
};

/** Names of elements and of attributes, as a parser of HTML would find them outside scripts. */
const marksOf = (html: string): ReadonlySet<string> =>
  new Set(
    [
      ...html
        .replaceAll(/(<(script|style)\b[^>]*>).*?<\/\2>/gs, "$1")
        .matchAll(/<(!?[a-z][\w-]*)((?:"[^"]*"|[^>"])*)>/gi),
    ].flatMap(([, element = "", attributes = ""]) => [
      element,
      ...[...attributes.matchAll(/([\w-]+)(?:="[^"]*")?/g)].map(([, name]) => `${element} ${name}`),
    ]),
  );

let browser: Browser | undefined;
beforeAll(async () => {
  if (hasChromium) browser = await launchChromium();
});
afterAll(() => browser?.close());

/** Elements and attributes that a browser makes of a page, and everything the page did that it should not. */
async function opened(html: string): Promise<{ readonly marks: readonly string[]; readonly wrong: readonly string[] }> {
  const view = await (browser as Browser).newPage();
  const wrong: string[] = [];
  const address = "https://cnxc.test/page.html";
  view.on("dialog", dialog => {
    wrong.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  view.on("request", request => {
    if (request.url() !== address && !request.url().startsWith("data:")) wrong.push(`request ${request.url()}`);
  });
  view.on("framenavigated", frame => {
    if (frame.url() !== address) wrong.push(`navigation ${frame.url()}`);
  });
  view.on("console", message => {
    if (/Content Security Policy/.test(message.text())) wrong.push(message.text());
  });
  await view.route("**/*", route => route.fulfill({ body: html, contentType: "text/html" }));
  await view.goto(address);
  await view.waitForTimeout(50);
  const marks: string[] = await view.evaluate(
    `[...document.querySelectorAll("*")].flatMap(({ localName, attributes }) => [localName, ...[...attributes].map(({ name }) => localName + " " + name)])`,
  );
  await view.close();
  return { marks: [...new Set(marks)].sort(), wrong };
}

describe.each(Object.entries(pages))("a page %s", (_, made) => {
  const usual = made(null);

  test.each(Object.keys(texts))("has no other elements and attributes whatever texts are: %s", kind => {
    const html = made(texts[kind] ?? "");
    expect([...marksOf(html)].filter(mark => !marksOf(usual).has(mark))).toEqual([]);
    expect(html.match(/<script\b/g)?.length ?? 0).toBe(usual.match(/<script\b/g)?.length ?? 0);
    expect(html).not.toMatch(commanding);
  });

  test.runIf(hasChromium)("runs nothing, asks for nothing and goes nowhere in a browser", async () => {
    const before = new Set((await opened(usual)).marks);
    const { marks, wrong } = await opened(made(Object.values({ ...texts, long: "" }).join("")));
    expect(wrong).toEqual([]);
    expect(marks.filter(mark => !before.has(mark))).toEqual([]);
  });
});
