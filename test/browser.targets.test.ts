import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hasChromium, launchChromium, openPage } from "./support/chromium.ts";

let browser: Browser | null = null;
beforeAll(async () => {
  browser = hasChromium ? await launchChromium() : null;
});
afterAll(() => browser?.close());

const code = `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(4) fn main(@builtin(global_invocation_id) id: vec3u) { x[id.x] = 2 * x[id.x]; }`;

const script = `export async function double(code, numbers) {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter.requestDevice();
  const size = 4 * numbers.length;
  const buffer = device.createBuffer({ size, usage: 128 | 4 | 8 });
  const staging = device.createBuffer({ size, usage: 1 | 8 });
  device.queue.writeBuffer(buffer, 0, new Float32Array(numbers));
  const module = device.createShaderModule({ code });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
  const layout = pipeline.getBindGroupLayout(0);
  const group = device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer } }] });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(numbers.length / 4);
  pass.end();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(1);
  return { numbers: [...new Float32Array(staging.getMappedRange())], vendor: adapter.info.architecture };
}`;

test.runIf(hasChromium)("a compute shader runs in Chromium, without a GPU and without eval", async () => {
  if (browser === null) throw new Error("the browser did not start");
  const policy = { "content-security-policy": "script-src 'self'" };
  const page = await openPage(browser, { "double.js": script }, policy);
  const input = [1, 2, 3, 4, 5, 6, 7, 8];
  // Given as text: the compiler of the tests knows no browser.
  const answer = await page.evaluate(
    `import("/double.js").then(m => m.double(${JSON.stringify(code)}, ${JSON.stringify(input)}))`,
  );
  expect(answer).toEqual({ numbers: input.map(n => 2 * n), vendor: "swiftshader" });
});
