import * as path from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { f32Tensor, writeSafetensors } from "../../src/weights/formats/safetensors.ts";
import { type Bundler, bundlerFolder, bundlers, filesBelow, newProject } from "../support/bundlers.ts";
import { hasChromium, launchChromium, openPage } from "../support/chromium.ts";
import { cnxc } from "../support/cli.ts";
import { newFolder } from "../support/folders.ts";
import { full } from "../support/full.ts";
import { goldenInput, goldenParams, goldenWeights, readGolden } from "../support/golden.ts";
import { expectLogits } from "../support/tolerance.ts";

let browser: Browser | null = null;
beforeAll(async () => {
  browser = hasChromium ? await launchChromium() : null;
});
afterAll(() => browser?.close());

const golden = readGolden<{ readonly logits: { readonly values: number[] } }>("dense/micro-64x64-b2");

/** What a page does once it has `createModel`, `descriptor` and `requestDevice`. */
const body = `
globalThis.answer = (async () => {
  const image = new Float32Array(await (await fetch("/image.bin")).arrayBuffer());
  const device = await requestDevice(descriptor);
  const model = await createModel({ device, weights: "/weights.safetensors" });
  const { logits } = await model.run({ pixel_values: image });
  return [...logits];
})().catch(String);`;

const main = (name: string, more = ""): string => `import { requestDevice } from "cnxc/runtime";
import { createModel, descriptor } from "./generated/${name}/${name}.js";
${more}${body}`;

async function weightsAndImage(): Promise<Readonly<Record<string, Uint8Array>>> {
  const weights = goldenWeights(golden);
  const params = goldenParams(golden).map(({ name, shape }) => f32Tensor(name, shape, () => weights.f32(name)));
  const parts: Uint8Array[] = [];
  for await (const part of writeSafetensors(params)) parts.push(part);
  const { buffer, byteOffset, byteLength } = goldenInput(golden).values;
  return { "weights.safetensors": Buffer.concat(parts), "image.bin": Buffer.from(buffer, byteOffset, byteLength) };
}

async function expectGolden(site: Readonly<Record<string, Uint8Array>>): Promise<void> {
  if (browser === null) throw new Error("the browser did not start");
  const files: Readonly<Record<string, Uint8Array>> = { ...site, ...(await weightsAndImage()) };
  const page = await openPage(browser, files);
  await page.waitForFunction("globalThis.answer !== undefined", null, { timeout: 120_000 });
  const logits = (await page.evaluate("globalThis.answer")) as readonly number[] | string;
  await page.close();
  if (typeof logits === "string") throw new Error(logits);
  expectLogits(logits, golden.logits.values);
}

const compileMicro = async (into: string, ...more: readonly string[]) => {
  const words = ["-m", "micro", "-t", "wgsl", "--batch", "2", "-o", into, ...more];
  expect(await cnxc(["compile", "specs/micro.cnx", ...words])).toMatchObject({ code: 0 });
};

/** The page of a project that a bundler has built; skips where npm cannot fetch the bundler. */
async function built(
  bundler: Bundler,
  script: string,
  compile: (into: string) => Promise<void>,
  skip: (note: string) => never,
): Promise<Readonly<Record<string, Uint8Array>>> {
  const tool = bundlerFolder(bundler) ?? skip(`npm cannot fetch ${bundler.name}`);
  const project = newProject(tool, { "main.mjs": script, ...bundler.files });
  await compile(path.join(project, "generated"));
  return filesBelow(await bundler.build(project, tool));
}

describe.runIf(hasChromium)("a page gives PyTorch's logits in Chromium, its package being of CommonJS", () => {
  // Next takes as long as all others together.
  test.for(bundlers.filter(({ name }) => full || name !== "Next"))(
    "built by $name",
    { timeout: 600_000 },
    async (bundler, { skip }) => {
      await expectGolden(await built(bundler, main("micro"), compileMicro, skip));
    },
  );

  test("of plain HTML and the bundle of --bundle, without an import map", async () => {
    const out = newFolder();
    await compileMicro(out, "--bundle");
    const script = `import { createModel, descriptor, requestDevice } from "./micro/micro.bundle.js";${body}`;
    const html = `<!doctype html><title>cnxc</title><script type="module">${script}</script>`;
    const { "micro/micro.bundle.js": bundle = Buffer.of() } = filesBelow(out);
    await expectGolden({ "index.html": Buffer.from(html), "micro/micro.bundle.js": bundle });
  });
});

test("a page with atto, built by Vite, has at most 25 KB gzipped without its weights", { timeout: 600_000 }, async ({
  skip,
}) => {
  const [vite] = bundlers as [Bundler];
  const compile = async (into: string) => {
    const words = ["-m", "atto", "-t", "wgsl", "--preprocess", "-o", into];
    expect(await cnxc(["compile", "specs/convnextv2.cnx", ...words])).toMatchObject({ code: 0 });
  };
  const used = `import { createPreprocessor } from "./generated/atto/preprocess.js";\nglobalThis.used = createPreprocessor;`;
  const site = await built(vite, main("atto", used), compile, skip);
  const loaded = Object.entries(site).filter(([file]) => !/\/software-[^/]*\.js$/.test(file)); // on software adapters alone
  expect(loaded.length).toBe(Object.keys(site).length - 1);
  const packed = loaded.reduce((sum, [, file]) => sum + gzipSync(file, { level: 9 }).length, 0);
  console.error(`a page of Vite with atto and its preprocessing: ${packed} bytes gzipped`);
  expect(Object.keys(site).filter(file => !/\.(html|js)$/.test(file))).toEqual([]);
  expect(packed).toBeLessThanOrEqual(25 * 1024);
});
