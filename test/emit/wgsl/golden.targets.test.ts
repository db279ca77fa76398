import { afterAll, beforeAll, describe, test } from "vitest";
import { full } from "../../support/full.ts";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../../support/webgpu-process.ts";
import { check, files, small } from "./golden.ts";

// Each file compiles kernels of its own for seconds: what tells one tile, fusion or mistake from another, all in full mode.
const usual = /dense\/micro-64x64|kernels-3-5|zepto|v1/;
const brief = small.filter(file => full || usual.test(file));
/** Tiles for GPUs take SwiftShader ten times as long, since barriers are fibres there: random models have them too. */
const onGpuTiles = full ? small : [];
const tiled = [
  ...brief.flatMap(file => [
    { file, tuning: "swiftshader" as const },
    { file, tuning: "lavapipe" as const },
  ]),
  ...onGpuTiles.map(file => ({ file, tuning: "gpu" as const })),
];
const stages = /^stages\.\d+$/;
const published = full ? files.filter(file => !small.includes(file)) : [];

let gpu: WebgpuProcess | undefined;
beforeAll(async () => {
  if (hasSwiftShader) gpu = await startWebgpu("swiftshader");
});
afterAll(() => gpu?.end());

describe.runIf(hasSwiftShader)("WebGPU gives PyTorch's numbers on SwiftShader", () => {
  const on = () => gpu as WebgpuProcess;

  // Kernels that sizes share: golden.test.ts.
  test.each(tiled)("$file, tiles for $tuning", async ({ file, tuning }) => check(on(), { file, tuning, taps: stages }));

  // With every module that can be an output as one, most fusions are off.
  test.each(brief)("%s, all modules tapped", async file => check(on(), { file, tuning: "swiftshader", taps: /./ }));

  // With one of a block alone, the others are fused as far as that allows.
  test.each(["dwconv", "norm", "pwconv1", "act", "grn", "pwconv2"])("%s of every block tapped", async name =>
    check(on(), {
      file: "dense/micro-64x64-b2",
      tuning: "swiftshader",
      taps: new RegExp(`^stages\\.\\d+\\.\\d+\\.${name}$`),
    }),
  );

  // huge alone takes SwiftShader minutes on two cores, and many where others use them too.
  test.each(published)("%s", { timeout: 1_800_000 }, async file =>
    check(on(), { file, tuning: "swiftshader", taps: stages }),
  );
});
