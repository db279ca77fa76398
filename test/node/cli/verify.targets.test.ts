import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { cnxc } from "../../support/cli.ts";
import { hasGxx } from "../../support/cuda-tools.ts";
import { newFolder } from "../../support/folders.ts";
import { full } from "../../support/full.ts";
import { hasSwiftShader } from "../../support/webgpu-process.ts";

const micro = ["verify", "specs/micro.cnx", "-m", "micro"];

describe("cnxc verify", () => {
  test.runIf(hasSwiftShader && hasGxx)("finds right what is an output under two names", async () => {
    const spec = path.join(newFolder(), "p.cnx");
    writeFileSync(spec, "model p { depths [1, 1]  dims [4, 8]  input 32x32x3  head classifier { classes 0 } }");
    const ran = await cnxc(["verify", spec, "--on", "webgpu,onnx,cuda-cpu"]);
    expect([ran.code, ran.stdout.match(/ right /g)?.length]).toEqual([0, 3]);
  });

  test.runIf(hasSwiftShader)("finds WebGPU and ONNX Runtime right, module by module", async () => {
    const page = path.join(newFolder(), "micro.html");
    const ran = await cnxc([
      ...micro,
      "--on",
      "webgpu,onnx",
      "--dtype",
      "f32,f16",
      "--batch",
      "2",
      "-o",
      page,
      "--json",
    ]);
    expect(ran.code).toBe(0);
    const { result } = JSON.parse(ran.stdout);
    expect(result).toMatchObject({ model: "micro", batch: 2, modules: "all" });
    const names = result.verdicts.map((one: { executor: string; form: string }) => `${one.executor} ${one.form}`);
    expect(names).toEqual(expect.arrayContaining(["webgpu f32", "webgpu f16", "onnx f32"]));
    for (const { each, whole, form } of result.verdicts) {
      expect(each.values.length).toBeGreaterThan(30);
      expect([each.first, whole.first]).toEqual([null, null]);
      expect(whole.top1).toEqual({ same: 2, of: 2 });
      if (form === "f16") expect(whole.worst.relL2).toBeGreaterThan(1e-4); // else nothing was kept in 16 bits
    }
    expect(readFileSync(page, "utf8")).toContain("stages.2.1.grn");
  });

  test("says where a tolerance is left, and exits with 1", async () => {
    const ran = await cnxc([...micro, "--on", "onnx", "--tolerance", "1e-9"]);
    expect(ran.stderr).toMatch(/onnx f32 leaves tolerance at '[\w.]+': \d\.\de-\d+ off, more than 1e-9/);
    expect(ran.stdout).toMatch(/^onnx f32 +wrong/m);
    expect(ran.code).toBe(1);
  });

  test.runIf(hasGxx)("finds the module at which a faulty library goes wrong", async () => {
    const folder = newFolder();
    mkdirSync(path.join(folder, "bin"));
    const wrapper = path.join(folder, "bin/g++");
    // A compiler that takes the bias off in one layer.
    writeFileSync(
      wrapper,
      `#!/bin/sh
if [ "$1" = --version ]; then echo another sign of bias; exit; fi
for word in "$@"; do
  case $word in *all.cu) sed -i 's/+ shift.v/- shift.v/' "$(dirname "$word")"/cuda/stages.1.0.pwconv1.cu;; esac
done
PATH=\${PATH#*:} exec g++ "$@"
`,
    );
    chmodSync(wrapper, 0o755);
    const env = { PATH: `${path.dirname(wrapper)}:${process.env.PATH}`, XDG_CACHE_HOME: folder };
    const ran = await cnxc([...micro, "--on", "cuda-cpu"], { env });
    expect(ran.stderr).toContain("cuda-cpu f32 leaves tolerance at 'stages.1.0.pwconv1'");
    expect(ran.code).toBe(1);
  });

  test("a forms that nobody stores, and executors that are not there, are said", async () => {
    const none = await cnxc([...micro, "--on", "onnx", "--dtype", "bf16"]);
    expect([none.stderr, none.code]).toEqual([expect.stringContaining("onnx did not run: it stores f32"), 2]);
    const empty = path.join(newFolder(), "bin");
    mkdirSync(empty);
    const cuda = await cnxc([...micro, "--on", "cuda-cpu"], { env: { PATH: empty } });
    expect([cuda.stderr, cuda.code]).toEqual([expect.stringContaining("the compiler g++, which is not installed"), 5]);
  });
});

const long = full ? 14_400_000 : 900_000;
describe("cnxc verify --differential", { timeout: long }, () => {
  const differential = (count: number, on: string, ...more: string[]) =>
    cnxc(["verify", "--differential", `${count}`, "--seed", "1", "--on", on, "--json", ...more]);

  /** Generated specs on every executor that runs here; the CUDA sources take g++ seconds each. */
  test
    .runIf(hasSwiftShader)
    .each([
      { count: full ? 5000 : 20, on: "onnx" },
      { count: full ? 1000 : 4, on: "webgpu" },
      ...(hasGxx ? [{ count: full ? 500 : 1, on: "cuda-cpu" }] : []),
    ])("$count specs on $on: no disagreement", async ({ count, on }) => {
    const ran = await differential(count, on);
    expect(ran.stderr).toBe("");
    const { result } = JSON.parse(ran.stdout);
    expect(result).toMatchObject({ specs: count, runs: count, disagreements: [] });
    expect(result.worst[`${on} f32`]).toBeGreaterThan(1e-9);
    expect(ran.code).toBe(0);
  });

  test("what disagrees is made small, and printed as a spec that still disagrees", async () => {
    const ran = await differential(1, "onnx", "--tolerance", "1e-12");
    expect(ran.code).toBe(1);
    const { result } = JSON.parse(ran.stdout);
    const [{ spec, seed, subject, why }] = result.disagreements;
    expect([seed, subject]).toEqual([1, "onnx f32"]);
    expect(why).toMatch(/^'\w+' is \d\.\de-\d+ off$/);
    const file = path.join(newFolder(), "small.cnx");
    writeFileSync(file, spec);
    expect((await cnxc(["check", file])).code).toBe(0);
    expect(spec).toMatch(/depths +\[1\]/);
    expect((await cnxc(["verify", file, "--on", "onnx", "--tolerance", "1e-12", "--outputs-only"])).code).toBe(1);
  });

  test("an executor that is not there is no disagreement", async () => {
    const empty = path.join(newFolder(), "bin");
    mkdirSync(empty);
    const ran = await cnxc(["verify", "--differential", "2", "--on", "cuda-cpu"], { env: { PATH: empty } });
    expect([ran.stderr, ran.stdout, ran.code]).toEqual([
      expect.stringContaining("the compiler g++, which is not installed"),
      "",
      5,
    ]);
  });

  test.each([
    [["specs/micro.cnx", "--differential", "1", "--on", "onnx"], "leave the spec out"],
    [["--differential", "1"], "--differential needs --on"],
    [[], "give a spec, or --differential"],
  ])("%j is refused", async (words, said) => {
    const ran = await cnxc(["verify", ...words]);
    expect([ran.stderr, ran.code]).toEqual([expect.stringContaining(said), 2]);
  });
});
