import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { memoryTimeline } from "../../src/html/memory-timeline.ts";
import { stageRows } from "../../src/html/stage-rows.ts";
import { inspect } from "../../src/inspect/inspect.ts";
import { inspectPage } from "../../src/inspect/page.ts";
import type { Subject } from "../../src/inspect/subject.ts";
import { hasChromium, launchChromium } from "../support/chromium.ts";
import { contrast } from "../support/contrast.ts";
import { checkFiles, must } from "../syntax/support.ts";

const files = new Map(["convnextv2.cnx", "fcmae.cnx"].map(name => [name, readFileSync(`specs/${name}`)]));
const pageOf = (file: string, name: string, more: Partial<Subject> = {}): string => {
  const model = must(checkFiles(files, file)).models.get(name);
  if (model === undefined) throw new Error(`no ${name}`);
  const batch = { min: 1, max: 1 };
  return inspectPage(must(inspect({ model, target: "wgsl", dtype: "f32", batch, sites: "auto", ...more })));
};

describe("drawings", () => {
  test("a buffer is as large and stands where its bytes and steps say", () => {
    const svg = memoryTimeline({
      arenas: [1000, 3000],
      steps: [0, 1, 2, 3].map(i => ({ name: `s${i}`, part: i < 2 ? "<one>" : "two" })),
      buffers: [
        { name: "first", arena: 0, offset: 0, bytes: 1000, from: 0, to: 0 },
        { name: "second", arena: 1, offset: 1500, bytes: 1500, from: 1, to: 3 },
      ],
    });
    const rects = [
      ...svg.matchAll(/<rect class="(\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g),
    ];
    const [arena0, arena1, first, second] = rects.map(([, , x, y, width, height]) => ({
      x: Number(x),
      y: Number(y),
      width: Number(width),
      height: Number(height),
    }));
    if (!arena0 || !arena1 || !first || !second) throw new Error("rectangles are missing");
    expect(arena1.height).toBeCloseTo(3 * arena0.height, 1);
    expect(first).toMatchObject({ y: arena0.y, height: arena0.height });
    expect(second.height).toBeCloseTo(arena1.height / 2, 1);
    expect(second.y).toBeCloseTo(arena1.y + arena1.height / 2, 1);
    expect(second.width).toBeCloseTo((3 * arena0.width) / 4 - 1, 1);
    expect(second.x).toBeCloseTo(arena0.width / 4 + 0.5, 1);
    expect(svg).toContain("<title>second\n1.5 kB in arena 1 at 1500\nfrom step 2, s1\nto step 4, s3</title>");
    expect(svg).toContain("&lt;one&gt;");
  });

  test("nothing to draw is no error", () => {
    expect(memoryTimeline({ arenas: [], steps: [], buffers: [] })).toMatch(/^<svg .*<\/svg>$/s);
    expect(stageRows([])).not.toContain("NaN");
  });

  test("a stage has a slab a block, as high and wide as its map", () => {
    const shape = { name: "a", height: 8, width: 8, channels: 10, blocks: 3, kernel: 7 };
    const [first = "", second = ""] = stageRows([shape, { ...shape, height: 4, blocks: 1 }])
      .split("\n")
      .slice(1);
    expect([first, second].map(row => row.match(/<rect /g)?.length)).toEqual([3, 1]);
    expect([first, second].map(row => /style="height:([\d.]+)px"/.exec(row)?.[1])).toEqual(["72", "36"]);
    expect([first, second].every(row => row.includes('viewBox="0 0 30 1"'))).toBe(true);
  });
});

describe("the page", () => {
  test("of tiny is below 3 MB, and equal blocks come once", () => {
    const page = pageOf("convnextv2.cnx", "tiny");
    expect(Buffer.byteLength(page)).toBeLessThan(3e6);
    expect(page).toContain("for j = 1..8");
    expect(page).not.toContain("stages.2.7.act = gelu");
  });

  test("asks for nothing, runs nothing, and every link leads to a place on it", () => {
    const page = pageOf("fcmae.cnx", "atto_fcmae", { target: "cuda", dtype: "f16" });
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/<script|<link|src=|url\(|https?:/);
    for (const [, id] of page.matchAll(/href="([^"]*)"/g)) expect(page).toContain(`id="${id?.replace("#", "")}"`);
  });
});

let browser: Browser | undefined;
beforeAll(async () => {
  if (hasChromium) browser = await launchChromium();
});
afterAll(() => browser?.close());

describe.runIf(hasChromium)("the page, in a browser", () => {
  const open = async (width: number, colorScheme: "light" | "dark", html: string) => {
    const page = await (browser as Browser).newPage({ viewport: { width, height: 900 }, colorScheme });
    const said: string[] = [];
    page.on("request", request => said.push(`request ${request.url()}`));
    page.on("console", message => said.push(`console ${message.text()}`));
    page.on("pageerror", error => said.push(`error ${error.message}`));
    await page.setContent(html, { waitUntil: "load" });
    return { page, said };
  };
  const overflow = (page: Page) => page.evaluate("document.documentElement.scrollWidth - innerWidth");
  const html = pageOf("fcmae.cnx", "base_fcmae", { target: "cuda", dtype: "bf16", batch: { min: 1, max: 8 } });

  test.each([
    [1280, "light"],
    [390, "light"],
    [390, "dark"],
  ] as const)("%i pixels wide, %s: everything open, nothing is cut off or asked for", async (width, scheme) => {
    const { page, said } = await open(width, scheme, html);
    expect(await overflow(page)).toBe(0);
    await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true");
    expect(await overflow(page)).toBe(0);
    const cut =
      await page.evaluate(`[...document.querySelectorAll(".sheet, .stage-row, .stage-row *, summary, .lines li, dd, .cost")]
      .filter(element => element.getBoundingClientRect().right > innerWidth).length`);
    expect(cut).toBe(0);
    expect(said).toEqual([]);
    await page.close();
  });

  test("details open and close by keyboard", async () => {
    const { page } = await open(1280, "light", html);
    const opened = () => page.evaluate("document.querySelectorAll('details[open]').length");
    for (let i = 0; i < 40 && (await page.evaluate("document.activeElement.tagName")) !== "SUMMARY"; i++)
      await page.keyboard.press("Tab");
    expect(await opened()).toBe(0);
    await page.keyboard.press("Enter");
    expect(await opened()).toBe(1);
    expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).toBe("solid");
    await page.keyboard.press("Space");
    expect(await opened()).toBe(0);
    await page.close();
  });

  test("buffers and their names stand out in both colour schemes", async () => {
    for (const scheme of ["light", "dark"] as const) {
      const { page } = await open(1280, scheme, html);
      const [ground, text, bar] = (await page.evaluate(`[
        getComputedStyle(document.querySelector(".sheet")).backgroundColor,
        getComputedStyle(document.querySelector(".memory text")).fill,
        getComputedStyle(document.querySelector(".memory .buffer")).fill,
      ]`)) as [string, string, string];
      expect(contrast(text, ground)).toBeGreaterThan(4.5);
      expect(contrast(bar, ground)).toBeGreaterThan(3);
      await page.close();
    }
  });
});
