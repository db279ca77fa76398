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

beforeAll(async () => {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(path.join(folder, "node_modules"), { recursive: true });
  fs.symlinkSync(path.resolve("."), path.join(folder, "node_modules/cnxc"), "dir");
  expect(
    (await cnxc(["compile", "specs/micro.cnx", "-m", "micro", "-t", "wgsl", "-o", path.join(folder, "out")])).code,
  ).toBe(0);
  fs.writeFileSync(path.join(folder, "out/user.ts"), user);
});

describe("the generated module compiles as its users compile", () => {
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
    fs.writeFileSync(config, JSON.stringify({ compilerOptions, files: ["out/user.ts", "out/micro/micro.ts"] }));
    const tsc = path.resolve("node_modules", compiler, "bin/tsc");
    const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", config], { encoding: "utf8" });
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });
});

describe("the generated module stands alone", () => {
  const read = (file: string): string => fs.readFileSync(path.join(folder, "out/micro", file), "utf8");
  const modules = ["micro.ts", "micro.js", "micro.d.ts", "model.js", "model.d.ts"];

  test.each(modules)("%s imports the runtime and its own data, and refers to no types", file => {
    const imports = [...read(file).matchAll(/from "([^"]+)"/g)].map(([, name]) => name);
    for (const name of imports) expect(["cnxc/runtime", "./model.js"]).toContain(name);
    expect(read(file)).not.toMatch(/\/\/\/ <reference/);
    expect(read(file).split("\n")[0]).toMatch(/^\/\/ Code generated .* DO NOT EDIT\.$/);
  });

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
