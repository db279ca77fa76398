import { createHash } from "node:crypto";
import * as fs from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { embedReport, reportScriptFile } from "../../scripts/embed-report.mjs";
import { reportScript } from "../../src/embedded/report-script.ts";
import { packed, unpacked } from "../../src/explore/report/data.ts";
import { explorationPage } from "../../src/explore/report/page.ts";
import type { Exploration, Variant } from "../../src/explore/result.ts";
import { hasChromium, launchChromium } from "../support/chromium.ts";
import { type Explored, explored } from "../support/exploration.ts";

let all: Explored;
let html = "";
let browser: Browser | undefined;
beforeAll(async () => {
  all = explored(1000);
  html = explorationPage(all.exploration, all.details, all.devices);
  if (hasChromium) browser = await launchChromium();
});
afterAll(() => browser?.close());

const detailsOf = ({ details }: Explored) => new Map(details.map(detail => [detail.index, detail]));

test("src/embedded/report-script.ts is what its source gives; if not: npm run generate", () => {
  expect(fs.readFileSync(reportScriptFile, "utf8")).toBe(embedReport());
  expect(reportScript.hash).toBe(`sha256-${createHash("sha256").update(reportScript.text).digest("base64")}`);
});

describe("the data in the page", () => {
  test("comes out as it went in, but that times of kernels have six digits", () => {
    const { exploration, devices } = all;
    const there = unpacked(JSON.parse(JSON.stringify(packed({ exploration, devices, details: detailsOf(all) }))));
    expect(there.exploration).toEqual(exploration);
    expect(there.devices).toEqual(devices);
    for (const { index, profile, times } of all.details) {
      const found = there.details.get(index);
      expect(found?.profile).toEqual(profile);
      times.forEach(({ seconds, bound }, i) => {
        expect(found?.times[i]?.bound).toBe(bound);
        expect((found?.times[i]?.seconds ?? 0) / seconds).toBeCloseTo(1, 5);
      });
    }
  });

  test("is no larger than 3 MB for 1000 variants, and the same every time", () => {
    expect(Buffer.byteLength(html)).toBeLessThan(3_000_000);
    expect(explorationPage(all.exploration, all.details, all.devices)).toBe(html);
  });

  test("cannot end its own script, whatever names say", () => {
    const { query } = all.exploration;
    const axes = query.axes.map(axis => ({ ...axis, path: "</script><script>alert(1)</script><!--" }));
    const exploration: Exploration = { ...all.exploration, query: { ...query, sweep: "<b>&", axes } };
    const text = explorationPage(exploration, all.details, all.devices);
    expect(text.match(/<script/g)).toHaveLength(html.match(/<script/g)?.length ?? 0);
    expect(text).toContain("Variants of &lt;b&gt;&amp;");
    expect(text).not.toContain("alert(1)</script>");
  });
});

/** A page that was opened, with everything it should not have done. */
interface Opened {
  readonly view: Page;
  readonly wrong: readonly string[];
}

async function open(hash = "", options: Parameters<Browser["newPage"]>[0] = {}, text = html): Promise<Opened> {
  const view = await (browser as Browser).newPage({ viewport: { width: 1280, height: 900 }, ...options });
  const wrong: string[] = [];
  view.on("console", message => wrong.push(message.text()));
  view.on("pageerror", error => wrong.push(`${error.stack}`));
  const address = "https://cnxc.test/report.html";
  view.on("request", request => {
    if (request.url().split("#")[0] !== address) wrong.push(request.url());
  });
  await view.route("**/*", route => route.fulfill({ body: text, contentType: "text/html" }));
  await view.goto(`${address}${hash}`);
  return { view, wrong };
}

const places = (view: Page) => view.locator(".box tbody th a").allTextContents();
const overflow = (view: Page) => view.evaluate("document.documentElement.scrollWidth - innerWidth");
const by = (of: (variant: Variant) => number) =>
  all.exploration.variants.toSorted((a, b) => of(a) - of(b) || a.index - b.index).map(({ index }) => `#${index}`);

describe.runIf(hasChromium)("the page, in a browser", () => {
  test("is painted, all rows are there to be scrolled to, and nothing is asked or complained of", async () => {
    const { view, wrong } = await open();
    const entry = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime";
    await expect.poll(() => view.evaluate(entry)).toBeDefined(); // a busy machine paints after the page is loaded
    await expect.poll(() => places(view)).toContain("#0");
    expect(await view.locator(".box table").getAttribute("aria-rowcount")).toBe("1002");
    expect((await places(view)).length).toBeLessThan(100);
    await view.locator(".box").evaluate(box => Object.assign(box, { scrollTop: 1e6 }));
    const last = `#${all.exploration.variants.at(-1)?.index}`;
    await expect.poll(async () => (await places(view)).at(-1)).toBe(last);
    expect(wrong).toEqual([]);
    await view.close();
  });

  test("every column sorts, up and down, and says so", async () => {
    const { view, wrong } = await open();
    const heads = view.locator(".box thead tr").nth(1).locator("th button");
    const head = view.locator('.box th:has(button[title="latency@a-gpu/f32"])');
    await head.locator("button").click();
    expect(await head.getAttribute("aria-sort")).toBe("ascending");
    const ascending = by(({ estimates }) => estimates[0]?.milliseconds ?? 0);
    expect((await places(view)).slice(0, 10)).toEqual(ascending.slice(0, 10));
    await head.locator("button").click();
    expect(await head.getAttribute("aria-sort")).toBe("descending");
    expect((await places(view))[0]).toBe(ascending.at(-1));
    for (let i = 0; i < (await heads.count()); i++) {
      await heads.nth(i).click();
      const sorts = await view.locator('.box th[aria-sort="ascending"]').count();
      expect(sorts, await heads.nth(i).innerText()).toBe(1);
    }
    expect(wrong).toEqual([]);
    await view.close();
  });

  test("the filter takes numbers, ranges, the front and words, and says what it does not understand", async () => {
    const { view, wrong } = await open();
    const { variants, front } = all.exploration;
    const found = view.locator("#found");
    const count = async (text: string) => {
      await view.fill("#filter", text);
      return Number((await found.innerText()).split(" ")[0]);
    };
    const where = (holds: (variant: Variant) => boolean) => variants.filter(holds).length;
    expect(await count("params < 5M")).toBe(where(({ params }) => params < 5e6));
    expect(await count("params=3M..5M")).toBe(where(({ params }) => params >= 3e6 && params <= 5e6));
    expect(await count("front")).toBe(front.length);
    expect(await count("front params<5M")).toBe(where(v => v.params < 5e6 && front.includes(v.index)));
    expect(await count('"depths[2] 4"')).toBe(where(({ values }) => values[0] === 4));
    expect(await count("dims[0]>=64 latency@a-gpu/f16<500us")).toBe(
      where(({ values, estimates }) => Number(values[2]) >= 64 && (estimates[1]?.milliseconds ?? 0) < 0.5),
    );
    await count("parms<5M");
    expect(await found.innerText()).toContain("no column 'parms', did you mean 'params'?");
    await count("params<many");
    expect(await found.innerText()).toContain("'many' is no number");
    expect(await count("nothing-is-called-so")).toBe(0);
    expect(await places(view)).toEqual([]);
    expect(wrong).toEqual([]);
    await view.close();
  });

  test("keys alone filter, move, open, compare and come back", async () => {
    const { view, wrong } = await open();
    const focused = () => view.evaluate("document.activeElement.textContent");
    const [first, second, third] = all.exploration.variants.map(({ index }) => index);
    await view.keyboard.press("/");
    expect(await view.evaluate("document.activeElement.id")).toBe("filter");
    await view.keyboard.press("ArrowDown");
    expect(await focused()).toBe(`#${first}`);
    await view.keyboard.press("ArrowDown");
    await view.keyboard.press("ArrowDown");
    await view.keyboard.press("ArrowUp");
    expect(await focused()).toBe(`#${second}`);
    await view.keyboard.press("Enter");
    expect(await view.evaluate("location.hash")).toBe(`#v=${second}`);
    await expect.poll(focused).toBe(`Variant #${second}`);
    await view.keyboard.press("Escape");
    await expect.poll(focused).toBe(`#${second}`);
    await view.keyboard.press("Space");
    await view.keyboard.press("ArrowDown");
    await view.keyboard.press("c");
    expect(await view.locator(".basket .go").getAttribute("href")).toBe(`#compare=${second},${third}`);
    await view.keyboard.press("c");
    expect(await view.locator(".basket .go").count()).toBe(0);
    await view.keyboard.press("End");
    expect(await focused()).toBe(`#${all.exploration.variants.at(-1)?.index}`);
    await view.keyboard.press("Home");
    expect(await focused()).toBe(`#${first}`);
    expect(wrong).toEqual([]);
    await view.close();
  });

  test("the plot tells which variant is pointed at, by pointer, by keys, and for any two columns", async () => {
    const { view, wrong } = await open();
    const plot = view.locator("svg.plot").first();
    const named = () => view.locator(".marker text").first().textContent();
    await plot.focus();
    await view.keyboard.press("ArrowRight");
    const least = by(({ macs }) => macs)[0];
    expect(await named()).toBe(least);
    expect(await view.locator(".readout").innerText()).toContain(`Variant ${least}`);
    await view.locator("select").first().selectOption({ label: "parameters" });
    await view.locator("select").nth(1).selectOption({ label: "kernels, a-gpu/f16" });
    await plot.focus();
    await view.keyboard.press("End");
    expect(await named()).toBe(by(({ params }) => params).at(-1));
    const box = await view.locator(".marker circle").boundingBox();
    await view.keyboard.press("Home");
    await view.mouse.move((box?.x ?? 0) + 6, (box?.y ?? 0) + 6);
    expect(await named()).toBe(by(({ params }) => params).at(-1));
    expect(await view.locator(".agreement").innerText()).toMatch(/Measured\s+20\s+Rank correlation\s+0\.9\d/);
    expect(wrong).toEqual([]);
    await view.close();
  });

  test("a link opens a variant, with its stages, kernels and memory; one that is not there is said to be missing", async () => {
    const [, , { index, params } = { index: 0, params: 0 }] = all.exploration.variants;
    const { view, wrong } = await open(`#v=${index}`);
    expect(await view.locator("h1:visible").innerText()).toBe(`Variant #${index}`);
    const stages = await view.locator("svg.stages").getAttribute("aria-label");
    expect(stages).toContain("stage 0: 56×56×24, 2 blocks; stage 1: 28×28×48, 1 block");
    expect(await view.locator("#page").innerText()).toContain(`${(params / 1e3).toFixed(0)} k`);
    const kernels = all.details[2]?.profile.kernels ?? [];
    const rows = await view.locator('table[aria-label="Kernels"] tbody tr').count();
    expect(rows).toBe(kernels.length);
    expect(await view.locator(".kernel").count()).toBe(kernels.filter(({ cost }) => cost.macs > 0).length);
    await view.goto("https://cnxc.test/report.html#v=99999");
    await expect.poll(() => view.locator(".notice").innerText()).toBe("This report has no variant #99999.");
    expect(wrong).toEqual([]);
    await view.close();
  });

  test("a comparison says how much more the second has, in numbers and per cent", async () => {
    const [a, b] = [all.exploration.variants[0], all.exploration.variants[900]] as [Variant, Variant];
    const { view, wrong } = await open(`#compare=${a.index},${b.index}`);
    const row = await view.locator(".figures tr", { hasText: "parameters" }).locator("td").allTextContents();
    const percent = 100 * (b.params / a.params - 1);
    expect(row.slice(2)).toEqual([
      `+${((b.params - a.params) / 1e6).toFixed(3)}`,
      `+${Math.abs(percent) >= 1000 ? Math.round(percent) : percent.toFixed(1)}%`,
    ]);
    expect(await view.locator("svg.stages").count()).toBe(2);
    await view.getByText("Swap").click();
    await expect.poll(() => view.locator("h1:visible").innerText()).toBe(`Variant #${a.index} against #${b.index}`);
    expect(wrong).toEqual([]);
    await view.close();
  });

  test.each([1280, 390, 320])("%i pixels wide: no page scrolls sideways", async width => {
    const [a, b] = [all.exploration.variants[0]?.index, all.exploration.variants[900]?.index];
    for (const hash of ["", `#v=${b}`, `#compare=${a},${b}`]) {
      const { view, wrong } = await open(hash, { viewport: { width, height: 844 } });
      await view.waitForSelector("svg:visible");
      expect(await overflow(view), hash).toBe(0);
      expect(wrong).toEqual([]);
      await view.close();
    }
  });

  test("light and dark are as the reader has them", async () => {
    const grounds: string[] = [];
    for (const colorScheme of ["light", "dark"] as const) {
      const { view } = await open("", { colorScheme });
      grounds.push(await view.evaluate("getComputedStyle(document.body).backgroundColor"));
      await view.close();
    }
    expect(grounds).toEqual(["rgb(251, 250, 247)", "rgb(21, 22, 20)"]);
  });

  test("paper has the plot, the front and the first rows as sorted, and nothing to click", async () => {
    const { view } = await open();
    await view.fill("#filter", "params<5M");
    await view.locator('.box button[title="params"]').click();
    await view.emulateMedia({ media: "print" });
    expect(await view.locator("svg.plot").first().isVisible()).toBe(true);
    expect(await view.locator("button:visible, input:visible, select:visible").count()).toBe(0);
    const tables = await view.locator("#still table:visible").allInnerTexts();
    expect(tables.map(text => text.split("\n")[0])).toEqual([
      `Front, the first 60 of ${all.exploration.front.length}`,
      expect.stringMatching(/^20 of \d+ variants by parameters, where params<5M$/),
    ]);
    expect(await overflow(view)).toBe(0);
    await view.close();
  });

  test("without a script the front is there all the same", async () => {
    const { view } = await open("", { javaScriptEnabled: false });
    expect(await view.locator("#still-front table").isVisible()).toBe(true);
    await view.close();
  });

  test("nothing that a spec may name becomes markup, and no variants are no error", async () => {
    const { query } = all.exploration;
    const axes = query.axes.map(axis => ({ ...axis, path: "<img src=x onerror=alert(1)>" }));
    const named = { ...all.exploration, query: { ...query, axes } };
    const none: Exploration = { ...all.exploration, variants: [], front: [], complete: false };
    for (const exploration of [named, none]) {
      const { view, wrong } = await open("", {}, explorationPage(exploration, [], []));
      expect(await view.locator("img").count()).toBe(0);
      await expect
        .poll(() => view.locator("#found").innerText())
        .toContain(`of ${exploration.variants.length} variants`);
      expect(wrong).toEqual([]);
      await view.close();
    }
  });
});
