import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { cnxc } from "../support/cli.ts";

/** How the users of generated code compile: their TypeScript, and where they have WebGPU's types from. */
const setUps = [
  { title: "TypeScript 5.9 with @webgpu/types", compiler: "typescript-5.9", lib: ["es2023"], types: ["@webgpu/types"] },
  { title: "TypeScript 6 with lib dom", compiler: "typescript-6", lib: ["es2023", "dom"], types: [] },
  { title: "TypeScript 7 with lib dom", compiler: "typescript", lib: ["es2023", "dom"], types: [] },
  { title: "TypeScript 6 with @types/web", compiler: "typescript-6", lib: ["es2023"], types: ["web"] },
] as const;

/** Below the checkout, so that `cnxc/runtime` is found as an installed package would be. */
const folder = path.resolve("node_modules/.cache/cnxc-consumers");

const user = `import { type ModelError, requestDevice } from "cnxc/runtime";
import { createModel, descriptor, type MicroParam } from "./micro/micro.js";

export async function classify(image: Float32Array, tensors: Record<MicroParam, Float32Array>): Promise<Float32Array> {
  const device = await requestDevice(descriptor);
  const model = await createModel({ device, weights: tensors, onProgress: ({ loaded, total }) => void (loaded / total) });
  const { logits } = await model.run({ pixel_values: image });
  // @ts-expect-error: the model has no such input
  await model.run({ pixels: image });
  model.dispose();
  return logits;
}

export const isLost = (error: ModelError): boolean => error.code === "lost";
`;

const teacher = `import { requestDevice } from "cnxc/runtime";
import type { StateTensor, Stepped } from "cnxc/runtime/training";
import type { MicroParam } from "./micro/micro.js";
import { createTrainer, descriptor, type MicroTrainer } from "./micro/trainer.js";

export async function learn(image: Float32Array, targets: Float32Array, tensors: Record<MicroParam, Float32Array>): Promise<Stepped> {
  const device = await requestDevice(descriptor);
  const trainer: MicroTrainer = await createTrainer({ device, weights: tensors, optimizer: { betas: [0.9, 0.99], clip: null } });
  const loss: number = await trainer.accumulate({ pixel_values: image, targets }, 0.5);
  const { gradNorm, skipped } = await trainer.update({ lr: loss });
  const saved: StateTensor[] = [];
  for await (const tensor of trainer.state()) saved.push(tensor);
  await trainer.load(saved.map(({ name, data }) => ({ name, data })));
  const gradient: Float32Array = await trainer.gradients("stages.0.0.pwconv1.weight");
  const { logits } = await (await trainer.model()).run({ pixel_values: image });
  // @ts-expect-error: the model has no such parameter
  await trainer.gradients("stages.0.0.pwconv1");
  // @ts-expect-error: it learns from targets
  await trainer.step({ pixel_values: image }, { lr: 0 });
  // @ts-expect-error: a step has a learning rate
  await trainer.step({ pixel_values: image, targets });
  // @ts-expect-error: the optimizer has no such number
  await createTrainer({ device, weights: tensors, optimizer: { lr: 1 } });
  trainer.dispose();
  return { loss: gradient.length + logits.length + trainer.updates(), gradNorm, skipped };
}
`;

/** From pictures to labels, in any program. */
const seer = `import type { OnnxSource, TopClass } from "cnxc/runtime";
import { openModel } from "cnxc/runtime/onnx";
import { createClassifier } from "./named/classifier.js";
import * as named from "./named/named.js";

const image = { width: 2, height: 1, data: new Uint8Array(8) };

export async function see(onnx: OnnxSource, device: GPUDevice): Promise<"cat" | "dog" | undefined> {
  const classifier = await createClassifier({ weights: "weights.safetensors", onnx, on: "webgpu" });
  const [best] = await classifier.classify(image, { topK: 1 });
  const all: readonly (readonly TopClass<"cat" | "dog">[])[] = await classifier.classify([image]);
  const { logits } = await classifier.model.run({ pixel_values: new Float32Array(all.length) });
  if (classifier.on === "webgpu") await classifier.model.warmup();
  // @ts-expect-error: no picture
  await classifier.classify("cat.jpg");
  // @ts-expect-error: ONNX Runtime records no passes
  classifier.model.encode;
  // @ts-expect-error: weights are needed
  await createClassifier({ device });
  classifier.dispose();
  const model = await openModel(named, { weights: {} as Record<named.NamedParam, Float32Array>, device });
  // @ts-expect-error: the model has no such input
  await model.run({ pixels: logits });
  return (await model.run({ pixel_values: logits })).logits.length > 0 ? best?.label : undefined;
}
`;

/** The same in a page. */
const sight = `import { createClassifier } from "./named/classifier.js";

export async function look(video: HTMLVideoElement, files: FileList, canvas: OffscreenCanvas): Promise<number> {
  const { classify } = await createClassifier({ weights: new URL("weights.safetensors", "https://host/") });
  const pictures = [video, canvas, await createImageBitmap(canvas), new Image(), ...files];
  await classify(new ImageData(1, 1));
  await classify(new VideoFrame(canvas, { timestamp: 0 }));
  await classify(document.createElement("canvas"));
  // @ts-expect-error: wait for it
  await classify(createImageBitmap(video));
  // @ts-expect-error: what is drawn on, and not what draws
  await classify(document.createElement("canvas").getContext("2d"));
  return (await classify(pictures)).length;
}
`;

beforeAll(async () => {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(path.join(folder, "node_modules"), { recursive: true });
  fs.symlinkSync(path.resolve("."), path.join(folder, "node_modules/cnxc"), "dir");
  const spec = path.join(folder, "micro.cnx");
  const recipe = "train learn { model micro  batch 2  steps 1  ema 0.9  drop_path 0 }";
  fs.writeFileSync(spec, `${fs.readFileSync("specs/micro.cnx", "utf8")}\n${recipe}\n`);
  const words = ["-m", "micro", "--train", "learn", "-t", "wgsl", "-o", path.join(folder, "out")];
  expect(await cnxc(["compile", spec, ...words])).toMatchObject({ code: 0, stderr: "" });
  const labelled = path.join(folder, "named.cnx");
  fs.writeFileSync(
    labelled,
    `import "./micro.cnx"\nmodel named extends micro { head classifier { labels ["cat", "dog"] } }`,
  );
  const seeing = ["-m", "named", "-t", "wgsl", "-o", path.join(folder, "seen")];
  expect(await cnxc(["compile", labelled, ...seeing])).toMatchObject({ code: 0, stderr: "" });
  fs.writeFileSync(path.join(folder, "seen/seer.ts"), seer);
  fs.writeFileSync(path.join(folder, "seen/sight.ts"), sight);
  fs.writeFileSync(path.join(folder, "out/user.ts"), user);
  fs.writeFileSync(path.join(folder, "out/teacher.ts"), teacher);
});

describe("the generated modules compile as their users compile", () => {
  test.each(setUps)("$title", ({ compiler, lib, types }) => {
    const config = path.join(folder, `tsconfig.${compiler}.${types.join("-").replace("/", "-")}.json`);
    const compilerOptions = {
      target: "es2022",
      module: "nodenext",
      moduleResolution: "nodenext",
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: true,
      skipLibCheck: true,
      noEmit: true,
      lib,
      types,
      typeRoots: [path.resolve("node_modules/@types"), path.resolve("node_modules")],
    };
    fs.writeFileSync(path.join(folder, "package.json"), '{ "type": "module" }');
    fs.writeFileSync(
      config,
      JSON.stringify({
        compilerOptions,
        files: [
          ...["user", "teacher", "micro/micro", "micro/trainer", "micro/classifier"].map(file => `out/${file}.ts`),
          ...["seer", "named/classifier", ...(compiler !== "typescript-5.9" ? ["sight"] : [])].map(
            file => `seen/${file}.ts`,
          ),
        ],
      }),
    );
    const tsc = path.resolve("node_modules", compiler, "bin/tsc");
    const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", config], { encoding: "utf8" });
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });
});

describe("the generated module stands alone", () => {
  const read = (file: string): string => fs.readFileSync(path.join(folder, "out/micro", file), "utf8");
  const modules = ["micro.ts", "micro.js", "micro.d.ts", "model.js", "model.d.ts"];
  const trainers = ["trainer.ts", "trainer.js", "trainer.d.ts", "trainer_data.js", "trainer_data.d.ts"];
  const own = ["cnxc/runtime", "./model.js"];
  const besides = ["cnxc/runtime/training", "./micro.js", "./model.js", "./trainer_data.js"];

  test.each([...modules.map(file => [file, own] as const), ...trainers.map(file => [file, besides] as const)])(
    "%s imports the runtime and its own data, and refers to no types",
    (file, allowed) => {
      const imports = [...read(file).matchAll(/from "([^"]+)"/g)].map(([, name]) => name);
      for (const name of imports) expect(allowed).toContain(name);
      expect(read(file)).not.toMatch(/\/\/\/ <reference/);
      expect(read(file).split("\n")[0]).toMatch(/^\/\/ Code generated .* DO NOT EDIT\.$/);
    },
  );

  test("the script is the typed module without its types", () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `const m = await import(${JSON.stringify(path.join(folder, "out/micro/micro.js"))}); if (typeof m.createModel !== "function" || m.descriptor.name !== "micro") process.exit(3)`,
      ],
      { encoding: "utf8" },
    );
    expect(stderr).toBe("");
    expect(status).toBe(0);
  });
});
