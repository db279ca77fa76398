import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { emit, type Gradients } from "../../../src/compile.ts";
import { inMemoryContext } from "../../../src/emit/target.ts";
import type { StorageType } from "../../../src/model/model.ts";
import { trainerSources } from "../../../src/node/executors/cuda-trainer.ts";
import { tiny } from "../../node/executors/traces.ts";
import { inParts, madeAnew, targetWith } from "../../support/cuda-measured.ts";
import { hasNvcc } from "../../support/cuda-tools.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { full } from "../../support/full.ts";
import { readGolden } from "../../support/golden.ts";
import { goldenModel } from "../../support/models.ts";
import { must } from "../../syntax/support.ts";

const all = ["atto", "femto", "pico", "nano", "tiny", "base", "large", "huge"] as const;
const every = full ? [80, 86, 89, 90, 100, 120] : [80, 90];
const cases = (full ? all : (["atto"] as const)).flatMap(size =>
  (full ? (["f32", "tf32", "f16", "bf16"] as const) : (["bf16"] as const)).map(form => ({ size, form })),
);

/** A storage type, or f32 whose products are TF32. */
type Form = StorageType | "tf32";

function sources(
  size: string,
  form: Form,
  choose = inParts(1),
  learning: Gradients | null = null,
): Readonly<Record<string, string>> {
  const model = { ...goldenModel(readGolden(`dense/${size}-224x224-b1`)), name: size };
  const of = { model, batch: { min: 1, max: learning ? 32 : 256 }, taps: [], learning, context: inMemoryContext };
  const target = form === "tf32" ? targetWith("f32", { tf32: true }, of, choose) : targetWith(form, {}, of, choose);
  const unit = emit({ ...of, target });
  if (!unit.ok) throw new Error(unit.diagnostics[0]?.message);
  const files = Object.fromEntries(
    unit.value.files.map(({ path: at, contents }) => [path.basename(at), String(contents)]),
  );
  const units = Object.keys(files).filter(name => name.endsWith(".cu"));
  return { ...files, "all.cu": units.map(name => `#include "${name}"\n`).join("") };
}

/** `_ZN9cnxc_atto18stages_0_0_pwconv16kernelE…` → `stages_0_0_pwconv1`. */
function kernelOf(entry: string): string {
  const [, outer = "", rest = ""] = /^_ZN(\d+)(\w+)$/.exec(entry) ?? [];
  const [, length = "", name = ""] = /^(\d+)(\w+)$/.exec(rest.slice(Number(outer))) ?? [];
  return name.slice(0, Number(length));
}

/** Registers that the launch bounds of each kernel leave a thread, and the shared memory of its launch. */
const readBounds = (files: Readonly<Record<string, string>>) =>
  new Map(
    Object.entries(files).flatMap(([file, text]) => {
      const bounds = /CNX_KERNEL\((\d+), (\d+)\)/.exec(text);
      if (!file.endsWith(".cu") || bounds === null) return [];
      const most = Math.min(255, Math.floor(65536 / (Number(bounds[1]) * Number(bounds[2]))));
      const shared = Number(/launch\(kernel, grid, \d+, (\d+),/.exec(text)?.[1] ?? 0);
      return [[/namespace \w+::(\w+) \{/.exec(text)?.[1] ?? "", { most, shared }] as const];
    }),
  );

/** Kernel, registers and bytes spilled, from what ptxas says of each kernel. */
const readReport = (report: string) =>
  [
    ...report.matchAll(
      /Compiling entry function '(\S+)' for '(\S+)'[\s\S]*?(\d+) bytes spill stores, (\d+)[\s\S]*?Used (\d+) registers/g,
    ),
  ].map(([, entry = "", arch = "", stores, loads, registers]) => ({
    kernel: kernelOf(entry),
    arch,
    spilled: Number(stores) + Number(loads),
    registers: Number(registers),
  }));

describe.runIf(hasNvcc)(
  "nvcc compiles every kernel without spilling, within its registers",
  { timeout: 1_800_000 },
  () => {
    test.each(cases)("$size, $form", ({ size, form }) => {
      const architectures = full || form === "bf16" ? every : every.slice(-1);
      const folder = newFolder();
      const files = sources(size, form);
      fill(folder, files);
      const codes = architectures.map(arch => `-gencode=arch=compute_${arch},code=sm_${arch}`);
      const built = spawnSync("nvcc", ["-std=c++17", "-O3", ...codes, "-Xptxas", "-v", "all.cu", "-o", "run"], {
        cwd: folder,
        encoding: "utf8",
      });
      expect(built.stderr).not.toMatch(/error|warning/i);
      expect(built.status).toBe(0);
      const report = readReport(built.stderr);
      const kernels = Object.keys(files).filter(name => name.endsWith(".cu") && /CNX_KERNEL/.test(files[name] ?? ""));
      expect(report.length).toBeGreaterThanOrEqual(kernels.length * architectures.length);
      const bounds = readBounds(files);
      const shared = Math.max(...[...bounds.values()].map(of => of.shared));
      const rows = architectures.map(arch => {
        const of = report.filter(row => row.arch === `sm_${arch}`);
        const most = of.reduce((a, b) => (b.registers > a.registers ? b : a));
        return `${size} ${form} sm_${arch}: ${of.length} kernels, at most ${most.registers} registers (${most.kernel}), ${of.reduce((sum, row) => sum + row.spilled, 0)} bytes spilled, at most ${shared} bytes of shared memory`;
      });
      console.info(rows.join("\n"));
      expect(report.filter(row => row.spilled > 0)).toEqual([]);
      expect(report.filter(row => !(row.registers <= (bounds.get(row.kernel)?.most ?? 0)))).toEqual([]);

      // Here or elsewhere without a GPU, the program says so.
      if (spawnSync("nvidia-smi", ["-L"]).status === 0) return;
      const parameters = [...(files[`${size}.cu`] ?? "").matchAll(/^ {4}\{"(.+)", (\d+)\},$/gm)];
      const floats = parameters.reduce((sum, [, , count]) => sum + Number(count), 0);
      if (floats > 2e7) return;
      fill(folder, { weights: "\0".repeat(4 * floats), input: "" });
      const ran = spawnSync(path.join(folder, "run"), ["weights", "input", "output", "1"], {
        cwd: folder,
        encoding: "utf8",
      });
      expect(ran.stderr).toContain("there is no CUDA device");
      expect(ran.status).toBe(5);
    });

    const some = full ? every : every.slice(-1);

    /** What ptxas says of these files, compiled as one without a word of nvcc. */
    function reportOf(files: Readonly<Record<string, string>>, units: readonly string[]) {
      const folder = newFolder();
      fill(folder, { ...files, "all.cu": units.map(name => `#include "${name}"\n`).join("") });
      const codes = some.map(arch => `-gencode=arch=compute_${arch},code=sm_${arch}`);
      const built = spawnSync("nvcc", ["-std=c++17", "-O3", ...codes, "-Xptxas", "-v", "-c", "all.cu"], {
        cwd: folder,
        encoding: "utf8",
      });
      expect(built.stderr).not.toMatch(/error|warning/i);
      expect(built.status).toBe(0);
      return readReport(built.stderr);
    }

    /** Compiles the kernels that have a text in them, and says which of them spill or take more than they may. */
    function compiled(files: Readonly<Record<string, string>>, text: string) {
      const units = Object.keys(files).filter(
        name => /CNX_KERNEL/.test(files[name] ?? "") && files[name]?.includes(text),
      );
      const report = reportOf(files, units);
      const bounds = readBounds(files);
      expect(report.length).toBe(units.length * some.length);
      expect(report.filter(row => row.spilled > 0)).toEqual([]);
      expect(report.filter(row => !(row.registers <= (bounds.get(row.kernel)?.most ?? 0)))).toEqual([]);
      return units.length;
    }

    test.each(full ? (["bf16", "tf32"] as const) : (["bf16"] as const))(
      "products whose k four blocks share, %s",
      form => {
        const files = sources("atto", form, inParts(4));
        expect(compiled(files, "constexpr int parts = 4;")).toBeGreaterThanOrEqual(4 + 3);
      },
    );

    test.each(
      full
        ? Object.entries({ atto: 8, femto: 8, tiny: 6, base: 4 }).flatMap(([size, ways]) =>
            Array.from({ length: ways }, (_, i) => ({ size, way: i + 1 })),
          )
        : [{ size: "atto", way: 1 }],
    )("values between linears made anew, $size, way $way", ({ size, way }) => {
      const files = sources(size, "bf16", madeAnew(way));
      expect(compiled(files, "are made anew")).toBeGreaterThanOrEqual(1);
    });

    test.each(
      (full ? all : (["atto"] as const)).flatMap(size =>
        (full ? (["f32", "tf32", "f16", "bf16"] as const) : (["bf16"] as const)).map(form => ({ size, form })),
      ),
    )("kernels of gradients, $size, $form", ({ size, form }) => {
      const files = sources(size, form, inParts(1), { dropPath: true, wanted: (_, isParam) => isParam });
      expect(compiled(files, "radient")).toBeGreaterThanOrEqual(20);
      expect(compiled(files, "//   hidden[m,n]")).toBeGreaterThanOrEqual(4);
      const onTensorCores = Object.values(files).filter(text => text.includes("of a part on tensor cores"));
      if (form !== "f32") expect(onTensorCores.length).toBeGreaterThanOrEqual(8 + 3);
    });

    test.each(full ? (["f32", "tf32", "f16", "bf16"] as const) : (["f16"] as const))(
      "what a library that trains has besides its kernels, %s",
      form => {
        const { request } = tiny();
        const storage = form === "tf32" ? ({ dtype: "f32", tf32: true } as const) : { dtype: form, tf32: false };
        const { files } = must(trainerSources(request, storage));
        const named = files.map(({ path: at, contents }) => [path.basename(at), String(contents)] as const);
        const report = reportOf(Object.fromEntries(named), ["optimizer.cu", "pack.cu", "model_train.cu", "run.cu"]);
        // Sums, squares, their norm and AdamW; packing in f32 and in the type of products.
        expect(report.length).toBe((4 + (form === "f32" ? 1 : 2)) * some.length);
        expect(report.filter(row => row.spilled > 0)).toEqual([]);
      },
    );

    test("TF32 products are on tensor cores, from rounded operands, and the header says so", () => {
      const files = sources("atto", "tf32");
      const products = Object.entries(files).filter(([, text]) => /\bmultiply</.test(text) && /CNX_KERNEL/.test(text));
      expect(products.length).toBeGreaterThanOrEqual(8 + 3);
      for (const [name, text] of products) expect(text, name).toMatch(/narrow<tf32>\([\s\S]*multiply<tf32>\(/);
      expect(files["pack.cu"]).toContain("run_as<tf32>");
      expect(files["atto.h"]).toContain("Products are TF32");
      expect(sources("atto", "f32")["atto.h"]).not.toContain("TF32");
    });

    test("each kernel's launch bounds state its budget", () => {
      for (const [name, text] of Object.entries(sources("atto", "bf16"))) {
        if (name === "device.h" || name === "pack.cu") continue;
        for (const [, threads, blocks] of text.matchAll(/CNX_KERNEL\((\d+), (\d+)\)/g))
          expect(Number(threads) * Number(blocks), name).toBeLessThanOrEqual(2048);
      }
      expect(readFileSync(path.resolve(import.meta.dirname, "../../../templates/cuda/device.h.hbs"), "utf8")).toContain(
        "__launch_bounds__(threads, blocks)",
      );
    });
  },
);
