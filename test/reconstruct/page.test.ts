import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PageContent, page } from "../../src/reconstruct/page.ts";
import { hasChromium, launchChromium } from "../support/chromium.ts";
import { contrast, luminance } from "../support/contrast.ts";
import { writePng } from "../support/png.ts";

const picture = (grey: number): string =>
  `data:image/png;base64,${writePng({ width: 64, height: 32, data: Buffer.alloc(64 * 32 * 4, grey) }).toString("base64")}`;

const content: PageContent = {
  title: "Reconstructions of a_model_with_a_name_that_is_very_long_and_has_no_blank_in_it_at_all",
  facts: [
    ["Weights", "a-file-of-weights-with-a-name-that-is-longer-than-a-phone-is-wide.safetensors"],
    ["Loss", "0.4321"],
  ],
  images: Array.from({ length: 3 }, (_, k) => ({
    name: `${"image".repeat(12)}-${k}.png`,
    loss: 0.25 * k,
    input: picture(200),
    masked: picture(128),
    reconstruction: picture(180),
  })),
  size: { width: 64, height: 32 },
  stages: [0, 1, 2, 3].map(i => ({ name: `stages.${i}`, channels: 40 * 2 ** i, distances: [0.1 * i, 0.2, 0.5] })),
};

let browser: Browser | undefined;
beforeAll(async () => {
  if (hasChromium) browser = await launchChromium();
});
afterAll(() => browser?.close());

describe.runIf(hasChromium)("the page, in a browser", () => {
  test.each([1000, 375, 320])("%i pixels wide: every picture is there, nothing is cut off", async width => {
    const view = await (browser as Browser).newPage({ viewport: { width, height: 800 } });
    const asked: string[] = [];
    view.on("request", request => {
      if (!request.url().startsWith("data:")) asked.push(request.url());
    });
    await view.setContent(page(content), { waitUntil: "load" });
    const found = await view.evaluate(`({
      overflow: document.documentElement.scrollWidth - innerWidth,
      pictures: [...document.images].filter(image => image.naturalWidth === 64).length,
      cut: [...document.querySelectorAll("h1, h3, dd, .stage, figure")].filter(
        element => element.getBoundingClientRect().right > innerWidth,
      ).length,
    })`);
    expect(found).toEqual({ overflow: 0, pictures: 9, cut: 0 });
    expect(asked).toEqual([]);
    await view.close();
  });

  test("light and dark are as the reader has them, and text stands out in both", async () => {
    const grounds: string[] = [];
    for (const colorScheme of ["light", "dark"] as const) {
      const view = await (browser as Browser).newPage({ colorScheme });
      await view.setContent(page(content));
      const colours = (await view.evaluate(`[
        getComputedStyle(document.body).backgroundColor,
        ...["h1", "p", "dt", "figcaption"].map(at => getComputedStyle(document.querySelector(at)).color),
      ]`)) as string[];
      const [ground = "", ...inks] = colours;
      grounds.push(ground);
      for (const ink of inks) expect(contrast(ink, ground)).toBeGreaterThan(4.5);
      await view.close();
    }
    const [light = 0, dark = 1] = grounds.map(luminance);
    expect(light).toBeGreaterThan(0.8);
    expect(dark).toBeLessThan(0.05);
  });
});
