import * as fs from "node:fs";
import * as path from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { findAdapter, reportOf } from "../../../src/node/gpu/adapters.ts";
import { validateWgsl } from "../../../src/node/gpu/dawn.ts";
import { spawnWithAdapter } from "../../../src/node/gpu/gpu-process.ts";
import { untar } from "../../../src/node/gpu/ustar.ts";
import { findPackage, importPackage } from "../../../src/node/process/packages.ts";
import { nagaError } from "../../support/naga.ts";

const good = "@compute @workgroup_size(8) fn main() {}";
const bad = "@compute @workgroup_size(8)\nfn main() { let a = b; }";

test("Tint and naga accept what is right and say where it is not", async () => {
  const [right, wrong] = [await validateWgsl(good), await validateWgsl(bad)];
  expect(right).toMatchObject({ ok: true, value: [] });
  expect(wrong).toMatchObject({ ok: true, value: [{ type: "error", line: 2, column: 21, length: 1 }] });
  expect(nagaError(good)).toBe(null);
  expect(nagaError(bad)).toContain("b");
});

test("f16 and subgroups are on in the validator", async () => {
  const code = `enable f16;\nenable subgroups;\n${good.replace("{}", "{ _ = subgroupAdd(f16(1)); }")}`;
  expect(await validateWgsl(code)).toMatchObject({ ok: true, value: [] });
});

test.each(["{", '{"vendor":1}', '{"driver":"loaded"}', "{}"])("%s, which a driver prints, is no report", line => {
  expect(reportOf(line)).toBe(null);
});

test("a report is what a probe prints", () => {
  const report = { vendor: "a", architecture: "", device: "b", description: "c", isFallback: false, features: ["d"] };
  expect(reportOf(JSON.stringify(report))).toEqual(report);
});

const onLinux = process.platform === "linux" && process.arch === "x64";

test.runIf(onLinux)("a child process has SwiftShader, whatever else the machine has", async () => {
  const answer = await spawnWithAdapter<{ sum: Float32Array; name: string }>(
    "swiftshader",
    path.resolve("test/support/double.mjs"),
    new Float32Array([1, 2, 3]),
  );
  expect(answer).toMatchObject({ ok: true, value: { name: "SwiftShader driver 5.0.0" } });
  expect(answer.ok && [...answer.value.sum]).toEqual([2, 4, 6]);
});

test.runIf(onLinux)("an adapter that is not there is a diagnostic, not a crash", async () => {
  const found = await findAdapter("gpu");
  const names = found.ok ? [found.value.isFallback] : found.diagnostics.map(({ code }) => code);
  expect(names).toEqual(found.ok ? [false] : ["no-adapter"]);
});

test("packages are found from here, and a missing one is null", async () => {
  expect(findPackage("webgpu")?.folder).toContain("webgpu");
  expect(await importPackage("a-package-that-nobody-has")).toBe(null);
});

test("the tar reader gives the files of an archive", () => {
  const folder = findPackage("@sparticuz/chromium")?.folder ?? "";
  const names = untar(brotliDecompressSync(fs.readFileSync(path.join(folder, "bin", "swiftshader.tar.br")))).map(
    ({ name, data }) => [name, data.length],
  );
  expect(names).toContainEqual(["vk_swiftshader_icd.json", 107]);
  expect(untar(new Uint8Array(1024))).toEqual([]);
});
