import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hasChromium, launchChromium, openPage } from "../support/chromium.ts";
import { cnxc } from "../support/cli.ts";
import { newFolder, snapshot } from "../support/folders.ts";
import { goldenInput, goldenParams, goldenWeights, readGolden } from "../support/golden.ts";
import { expectLogits } from "../support/tolerance.ts";

let browser: Browser | null = null;
beforeAll(async () => {
  browser = hasChromium ? await launchChromium() : null;
});
afterAll(() => browser?.close());

/** How a page without a bundler says where the runtime is; a policy without 'unsafe-inline' allows it by its hash. */
const importMap = JSON.stringify({ imports: { "cnxc/runtime": "/runtime/index.js" } });
const headers = {
  "content-security-policy": `default-src 'self'; script-src 'self' 'sha256-${createHash("sha256").update(importMap).digest("base64")}'`,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

const script = `
import { requestDevice } from "cnxc/runtime";
import { createModel, descriptor } from "/micro/micro.js";

const floats = async file => new Float32Array(await (await fetch(file)).arrayBuffer());
export async function logits(lengths) {
  const [all, image] = [await floats("/weights.bin"), await floats("/image.bin")];
  let at = 0;
  const weights = Object.fromEntries(lengths.map(([name, length]) => [name, all.subarray(at, (at += length))]));
  const device = await requestDevice(descriptor);
  const model = await createModel({ device, weights });
  const { logits } = await model.run({ pixel_values: image });
  const wrong = await model.run({ pixel_values: image.subarray(1) }).then(() => "ran", error => error.name);
  model.dispose();
  let evaluated;
  try { evaluated = eval("true"); } catch { evaluated = false; }
  return { logits: [...logits], wrong, evaluated, isolated: globalThis.crossOriginIsolated };
}`;

interface Answer {
  readonly logits: number[];
  readonly wrong: string;
  readonly evaluated: boolean;
  readonly isolated: boolean;
}

test.runIf(hasChromium)(
  "the generated module as it is: an import map, no bundler, no eval, cross-origin isolated",
  async () => {
    if (browser === null) throw new Error("the browser did not start");
    const folder = newFolder();
    const words = ["specs/micro.cnx", "-m", "micro", "-t", "wgsl", "--batch", "1..4"];
    expect(await cnxc(["compile", ...words, "-o", folder])).toMatchObject({ code: 0 });
    const golden = readGolden<{ readonly logits: { readonly values: number[] } }>("dense/micro-64x64-b2");
    const source = goldenWeights(golden);
    const params = goldenParams(golden);
    const tensors = await Promise.all(params.map(({ name }) => source.f32(name)));
    const bytes = (of: Float32Array) => Buffer.from(of.buffer, of.byteOffset, of.byteLength);
    const runtime = Object.entries(snapshot(path.resolve("dist/runtime")) ?? {});
    const page = await openPage(
      browser,
      {
        "index.html": `<!doctype html><title>cnxc</title><script type="importmap">${importMap}</script>`,
        "page.js": script,
        "weights.bin": Buffer.concat(tensors.map(bytes)),
        "image.bin": bytes(goldenInput(golden).values),
        "micro/micro.js": readFileSync(path.join(folder, "micro/micro.js")),
        "micro/model.js": readFileSync(path.join(folder, "micro/model.js")),
        "micro/software.js": readFileSync(path.join(folder, "micro/software.js")),
        ...Object.fromEntries(runtime.map(([file, text]) => [`runtime/${file}`, text])),
      },
      headers,
    );
    const lengths = params.map(({ name }, i) => [name, tensors[i]?.length]);
    const answer = (await page.evaluate(
      `import("/page.js").then(m => m.logits(${JSON.stringify(lengths)}))`,
    )) as Answer;
    await page.close();
    expect(answer).toMatchObject({ wrong: "InputError", evaluated: false, isolated: true });
    expectLogits(answer.logits, golden.logits.values);
  },
);
