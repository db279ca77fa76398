import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { binned, noHistory, smoothed } from "../../../src/training/report/history.ts";
import { runPage } from "../../../src/training/report/page.ts";
import { keptColumns, mostColumns, type ReconstructedColumn } from "../../../src/training/report/reconstructions.ts";
import { hasChromium, launchChromium } from "../../support/chromium.ts";
import { contrast } from "../../support/contrast.ts";
import { historyOf, runContent } from "./content.ts";

describe("curves", () => {
  test("are means of bins, with gaps where nothing is finite", () => {
    const xs = Array.from({ length: 1000 }, (_, i) => i + 1);
    const ys = xs.map(x => (x > 500 && x <= 600 ? Number.NaN : x));
    const points = binned(xs, ys, 10);
    expect(points.length).toBe(10);
    expect(points.filter(point => point === null).length).toBe(1);
    for (const point of points) if (point !== null) expect(point[0]).toBeCloseTo(point[1], 9);
    expect(binned([1, 2], [3, Number.POSITIVE_INFINITY], 10)).toEqual([[1, 3], null]);
    expect(binned([], [], 10)).toEqual([]);
  });

  test("are smoothed over a part of the run, passing over what is not finite", () => {
    expect(smoothed([5, Number.NaN, 5, 5])).toEqual([5, 5, 5, 5]);
    expect(smoothed([Number.NaN, 2])).toEqual([Number.NaN, 2]);
    const noisy = Array.from({ length: 4000 }, (_, i) => (i % 2 === 0 ? 0 : 2));
    expect(smoothed(noisy).at(-1)).toBeCloseTo(1, 1);
  });
});

test("the first column stays, and the last ones", () => {
  let kept: readonly ReconstructedColumn[] = [];
  for (let step = 0; step < 30; step++) kept = keptColumns([...kept, { step, pictures: [], losses: [] }]);
  expect(kept.map(({ step }) => step)).toEqual([0, 23, 24, 25, 26, 27, 28, 29]);
  expect(kept.length).toBe(mostColumns);
});

describe("the page of a run", () => {
  test("is the same every time, no larger for many steps, and asks for nothing", () => {
    const html = runPage(runContent(20_000));
    expect(runPage(runContent(20_000))).toBe(html);
    expect(html.length).toBeLessThan(150_000);
    expect(html).not.toMatch(/https?:|<script|url\(/);
  });

  test("says that nothing is done yet, and leaves out what there is nothing of", () => {
    const html = runPage({ ...runContent(10), history: noHistory(), reconstructions: null });
    expect(html).toContain("No step is done yet.");
    expect(html).not.toContain("<figure");
    const one = runPage({ ...runContent(10), history: historyOf(1) });
    expect(one).not.toMatch(/NaN|Infinity/);
  });

  test("marks skipped steps", () => {
    const html = runPage(runContent(100));
    expect(html).toContain("<dt>Skipped steps</dt><dd>1</dd>");
    expect(html.match(/<path class="mark"/g)?.length).toBe(2);
  });

  test("shows the average's figures, and beside them those of the weights", () => {
    const history = historyOf(10);
    const evaluations = history.evaluations.map(evaluation => ({
      ...evaluation,
      val_weights: { images: 40, loss: Number.NaN, knn: 0.125 },
    }));
    const html = runPage({ ...runContent(10), history: { ...history, evaluations } });
    expect(html).toContain('<th scope="col">k-NN, weights</th>');
    expect(html).toContain("<td>12.50 %</td>");
    expect(html).toContain("<td>not finite</td>");
  });
});

let browser: Browser | undefined;
beforeAll(async () => {
  if (hasChromium) browser = await launchChromium();
});
afterAll(() => browser?.close());

describe.runIf(hasChromium)("in a browser the page of a run", () => {
  const html = runPage(runContent(300));

  test.each([1100, 360, 320])("%i pixels wide shows every picture, and nothing is cut off", async width => {
    const view = await (browser as Browser).newPage({ viewport: { width, height: 800 } });
    const asked: string[] = [];
    view.on("request", request => {
      if (!request.url().startsWith("data:")) asked.push(request.url());
    });
    await view.setContent(html, { waitUntil: "load" });
    const found = await view.evaluate(`({
      overflow: document.documentElement.scrollWidth - innerWidth,
      pictures: [...document.images].filter(image => image.naturalWidth === 8).length,
      cut: [...document.querySelectorAll("h1, h2, dd, figure, figcaption, .legend li, .readings :checked + span, .y-axis span")].filter(
        element => element.getBoundingClientRect().right > innerWidth || element.getBoundingClientRect().left < 0,
      ).map(element => element.textContent),
    })`);
    expect(found).toEqual({ overflow: 0, pictures: 20, cut: [] });
    expect(asked).toEqual([]);
    await view.close();
  });

  test("is read by the keyboard: one stop a chart, and arrow keys along it", async () => {
    const view = await (browser as Browser).newPage();
    await view.setContent(html);
    await view.keyboard.press("Tab");
    const said = () =>
      view.evaluate(`[...document.querySelectorAll("#loss-title ~ .plot .readings span")]
        .filter(element => getComputedStyle(element).visibility === "visible").map(element => element.textContent)`);
    expect(await said()).toEqual([expect.stringMatching(/^step 300: loss 0\.5033/)]);
    await view.keyboard.press("ArrowLeft");
    expect(await said()).toEqual([expect.stringMatching(/^step 295: loss /)]);
    await view.keyboard.press("Tab");
    const second = "document.activeElement.name";
    expect(await view.evaluate(second)).toBe("accuracy");
    await view.close();
  });

  test("has the reader's colours, and text and lines that stand out", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const view = await (browser as Browser).newPage({ colorScheme });
      await view.setContent(html);
      const [sheet, ...colours] = (await view.evaluate(`[
        getComputedStyle(document.querySelector(".sheet")).backgroundColor,
        ...[".legend", ".y-axis", ".readings span", "thead th"].map(part => getComputedStyle(document.querySelector(part)).color),
        ...["path.look-0", "path.look-1"].map(part => getComputedStyle(document.querySelector(part)).stroke),
      ]`)) as readonly string[];
      for (const colour of colours) expect(contrast(colour, sheet ?? ""), colour).toBeGreaterThan(4.5);
      await view.close();
    }
  });
});
