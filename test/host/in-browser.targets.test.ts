import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { f32Tensor, writeSafetensors } from "../../src/weights/formats/safetensors.ts";
import { hasChromium, launchChromium, openPage } from "../support/chromium.ts";
import { cnxc } from "../support/cli.ts";
import { newFolder, snapshot } from "../support/folders.ts";
import { type Golden, goldenInput, goldenParams, goldenWeights, readGolden } from "../support/golden.ts";
import { expectLogits } from "../support/tolerance.ts";

let browser: Browser | null = null;
beforeAll(async () => {
  browser = hasChromium ? await launchChromium() : null;
});
afterAll(() => browser?.close());

/** Neither inline scripts nor eval; blobs are not needed either. */
const policy = { "content-security-policy": "script-src 'self'; worker-src 'self'" };

/** What a page does with a host module, and nothing that a user's page could not do. */
const script = (name: string, sha256: string) => `
import { fetchWeights, requestDevice } from "/runtime/index.js";
import { createModel, descriptor } from "/${name}/${name}.js";
export async function logits() {
  const weights = await fetchWeights("/weights.safetensors", { sha256: "${sha256}" });
  const wrong = await fetchWeights("weights.safetensors", { sha256: "${"0".repeat(64)}" }).catch(e => e.name);
  const image = new Float32Array(await (await fetch("/image.bin")).arrayBuffer());
  const device = await requestDevice(descriptor);
  const progress = [];
  const model = await createModel({ device, weights, onProgress: p => progress.push(p) });
  const { logits } = await model.run({ pixel_values: image });
  const again = await model.run({ pixel_values: image });
  model.dispose();
  const last = progress.at(-1);
  return { logits: [...logits], same: again.logits.every((x, i) => x === logits[i]), done: last.loaded === last.total, wrong };
}`;

const worker = `import { logits } from "/page.js"; logits().then(x => postMessage(x), e => postMessage(String(e)));`;

async function served(golden: Golden, spec: string, name: string): Promise<Record<string, string | Uint8Array>> {
  const folder = newFolder();
  const batch = String(golden.input.shape[0]);
  const words = ["compile", spec, "-m", name, "-t", "wgsl", "--batch", batch, "-o", folder];
  expect(await cnxc(words)).toMatchObject({ code: 0 });
  const runtime = snapshot(path.resolve("dist/runtime")) ?? {};
  const weights = goldenWeights(golden);
  const params = goldenParams(golden).map(({ name, shape }) => f32Tensor(name, shape, () => weights.f32(name)));
  const parts: Uint8Array[] = [];
  for await (const part of writeSafetensors(params)) parts.push(part);
  const file = Buffer.concat(parts);
  const { values } = goldenInput(golden);
  const module = (file: string) =>
    readFileSync(path.join(folder, name, file), "utf8").replaceAll('"cnxc/runtime"', '"/runtime/index.js"');
  return {
    "page.js": script(name, createHash("sha256").update(file).digest("hex")),
    "worker.js": worker,
    "weights.safetensors": file,
    "image.bin": Buffer.from(values.buffer, values.byteOffset, values.byteLength),
    [`${name}/${name}.js`]: module(`${name}.js`),
    [`${name}/model.js`]: module("model.js"),
    [`${name}/software.js`]: module("software.js"),
    ...Object.fromEntries(Object.entries(runtime).map(([file, text]) => [`runtime/${file}`, text])),
  };
}

interface Answer {
  readonly logits: number[];
  readonly same: boolean;
  readonly done: boolean;
  /** How the same weights end under another hash. */
  readonly wrong: string;
}

const inPage = `import("/page.js").then(m => m.logits())`;
/** A page that shares its memory with no other, as one with SharedArrayBuffer has to. */
const isolated = {
  ...policy,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};
const inIsolatedPage = `crossOriginIsolated ? ${inPage} : Promise.reject(new Error("the page is not isolated"))`;
const inWorker = `new Promise(resolve => {
  new Worker("/worker.js", { type: "module" }).onmessage = ({ data }) => resolve(data);
})`;

describe.runIf(hasChromium)(
  "the generated host module gives PyTorch's logits in Chromium, from weights of a known hash",
  () => {
    test.each([
      ["micro", "specs/micro.cnx", "dense/micro-64x64-b2", "page", inPage],
      ["micro", "specs/micro.cnx", "dense/micro-64x64-b2", "page of its own", inIsolatedPage],
      ["micro", "specs/micro.cnx", "dense/micro-64x64-b2", "worker", inWorker],
      ["atto", "specs/convnextv2.cnx", "dense/atto-224x224-b1", "page", inPage],
    ])("R45, R46: %s, %s, %s, in a %s", async (name, spec, file, where, call) => {
      if (browser === null) throw new Error("the browser did not start");
      const golden = readGolden<{ readonly logits: { readonly values: number[] } }>(file);
      const page = await openPage(
        browser,
        await served(golden, spec, name),
        where === "page of its own" ? isolated : policy,
      );
      const answer = (await page.evaluate(call)) as Answer;
      await page.close();
      expect(answer).toMatchObject({ same: true, done: true, wrong: "WeightsError" });
      expectLogits(answer.logits, golden.logits.values);
    });
  },
);
