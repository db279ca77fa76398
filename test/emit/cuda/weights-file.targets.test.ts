import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { cnxc } from "../../support/cli.ts";
import { hasCmake, hasGxx } from "../../support/cuda-tools.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { goldenInput, goldenParams, goldenWeights, readGolden } from "../../support/golden.ts";
import { goldenSpecText } from "../../support/golden-spec.ts";
import { readTensors, writeTensors } from "../../support/tensors.ts";
import { expectLogits } from "../../support/tolerance.ts";

const strict = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic"];

/** What a person at a shell would run; it must say nothing on standard error. */
function quietly(folder: string, command: string, words: readonly string[]): SpawnSyncReturns<string> {
  const ran = spawnSync(command, words, { cwd: folder, encoding: "utf8" });
  expect([ran.status, ran.stderr], `${command} ${words.join(" ")}`).toEqual([0, ""]);
  return ran;
}

const rawInput = (file: string, values: Float32Array): void => writeFileSync(file, new Uint8Array(values.buffer));

describe.runIf(hasGxx)("weights.bin, which compile -w writes beside the kernels", () => {
  test("is what example.c loads: PyTorch's logits, in C, and what is missing is said", async () => {
    const golden = readGolden<{ readonly logits: { readonly values: number[] } }>("dense/micro-64x64-b2");
    const folder = newFolder();
    fill(folder, { "m.cnx": goldenSpecText(golden, "mine") });
    const weights = goldenWeights(golden);
    await writeTensors(
      path.join(folder, "w.safetensors"),
      goldenParams(golden).map(({ name, shape }) => f32Tensor(name, shape, () => weights.f32(name))),
    );
    const words = ["compile", "m.cnx", "-t", "cuda", "-w", "w.safetensors", "--batch", "2", "-o", "out"];
    expect((await cnxc(words, { cwd: folder })).stderr).toBe("");
    const at = path.join(folder, "out/mine/cuda");
    const units = readdirSync(at).filter(file => file.endsWith(".cu") && file !== "run.cu");
    fill(at, { "all.cpp": units.map(file => `#include "${file}"\n`).join("") });
    quietly(at, "g++", ["-std=c++20", "-O1", "-fno-strict-aliasing", "-c", "all.cpp", "-o", "mine.o"]);
    quietly(at, "gcc", [...strict, "-fsanitize=address,undefined", "-DCNXC_CPU", "-c", "example.c", "-o", "example.o"]);
    quietly(at, "g++", ["-fsanitize=address,undefined", "example.o", "mine.o", "-pthread", "-o", "example"]);
    rawInput(path.join(at, "input.bin"), goldenInput(golden).values);
    const { stdout } = quietly(at, "./example", ["weights.bin", "input.bin"]);
    expectLogits(stdout.trim().split("\n").map(Number), golden.logits.values);

    writeFileSync(path.join(at, "short.bin"), readFileSync(path.join(at, "weights.bin")).subarray(4));
    for (const words of [
      ["short.bin", "input.bin"],
      ["weights.bin", "nowhere.bin"],
    ]) {
      const { status, stderr } = spawnSync("./example", words, { cwd: at, encoding: "utf8" });
      expect([status, stderr]).toEqual([1, expect.stringMatching(/^\w+\.bin does not hold \d+ values\n$/)]);
    }
  });
});

const small = "model small { depths [1]  dims [8]  input 32x32x3  head classifier { classes 3 } }\n";
/** From Python, as from Rust, Go or C#: a shared library and its plain C. */
const ctypes = `
import ctypes, sys
small = ctypes.CDLL("./library/libsmall.so")
small.small_parameter_name.restype = small.small_status_text.restype = ctypes.c_char_p
small.small_parameter_count.restype = small.small_parameter_elements.restype = small.small_workspace_size.restype = ctypes.c_size_t
small.small_parameter_elements.argtypes = [ctypes.c_size_t]
floats = lambda name: (lambda raw: (ctypes.c_float * (len(raw) // 4)).from_buffer_copy(raw))(open(name, "rb").read())
values, image, logits = floats("weights.bin"), floats("input.bin"), (ctypes.c_float * 3)()
pointers, at = (ctypes.c_void_p * small.small_parameter_count())(), ctypes.addressof(values)
for i in range(len(pointers)):
    pointers[i] = at
    at += 4 * small.small_parameter_elements(i)
model = ctypes.c_void_p()
assert small.small_create(ctypes.byref(model), pointers) == 0
size = small.small_workspace_size(1)
memory = ctypes.create_string_buffer(size + 256)
start = (ctypes.addressof(memory) + 255) // 256 * 256
status = small.small_forward(model, 1, image, logits, ctypes.c_void_p(start), ctypes.c_size_t(size), None)
small.small_destroy(model)
print(small.small_status_text(status).decode(), *logits, sep="\\n")
`;

describe.runIf(hasGxx && hasCmake)("a shared library, by -DBUILD_SHARED_LIBS=ON", () => {
  test("is built, installed, and gives the same to C and to ctypes", async () => {
    const folder = newFolder();
    fill(folder, { "s.cnx": small, "run.py": ctypes });
    const words = ["compile", "s.cnx", "-t", "cuda", "-w", "random:4", "-o", "out"];
    expect((await cnxc(words, { cwd: folder })).code).toBe(0);
    const at = path.join(folder, "out/small/cuda");
    const image = Float32Array.from({ length: 3072 }, (_, i) => Math.sin(i));
    rawInput(path.join(at, "input.bin"), image);
    await writeTensors(path.join(folder, "in.safetensors"), [f32Tensor("pixel_values", [1, 3, 32, 32], () => image)]);
    const given = ["-w", "random:4", "-i", "in.safetensors", "--on", "reference", "--out", "o.safetensors"];
    expect((await cnxc(["run", "s.cnx", ...given], { cwd: folder })).code).toBe(0);
    const wanted = (await readTensors(path.join(folder, "o.safetensors"))).get("logits")?.data ?? [];

    const configure = [
      "-S",
      ".",
      "-B",
      "library",
      "-DCNXC_CPU=ON",
      "-DBUILD_SHARED_LIBS=ON",
      "-DCMAKE_INSTALL_PREFIX=there",
    ];
    quietly(at, "cmake", configure);
    quietly(at, "cmake", ["--build", "library", "--target", "all", "small_example", "--parallel", "2"]);
    quietly(at, "cmake", ["--install", "library"]);
    expect(readdirSync(path.join(at, "there/lib"))).toEqual(expect.arrayContaining(["libsmall.so", "cmake"]));
    const inC = quietly(at, "./library/small_example", ["weights.bin", "input.bin"]).stdout.trim().split("\n");
    expectLogits(inC.map(Number), wanted);
    const [status, ...inPython] = quietly(at, "python3", [path.join(folder, "run.py")])
      .stdout.trim()
      .split("\n");
    expect(status).toBe("no error");
    expectLogits(inPython.map(Number), wanted);
  });
});
