import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { hasCmake, hasGxx } from "../../support/cuda-tools.ts";
import { fill, newFolder } from "../../support/folders.ts";
import { full } from "../../support/full.ts";
import { goldenInput, goldenWeights, readGolden } from "../../support/golden.ts";
import { expectLogits } from "../../support/tolerance.ts";

const sources = path.resolve(import.meta.dirname, "../../../generated/micro/cuda");

/** A user's program: every mistake that the header names, then a forward pass. On the CPU, device memory is memory. */
const program = `#include <micro.h>
#include <stdio.h>
#include <stdlib.h>
static float *take(FILE *file, size_t count) {
  float *values = aligned_alloc(256, (count * sizeof(float) + 255) / 256 * 256);
  return fread(values, sizeof(float), count, file) == count ? values : NULL;
}
int main(void) {
  const float *parameters[256];
  micro_model *model = NULL;
  FILE *file = fopen("weights.bin", "rb");
  for (size_t i = 0; i < micro_parameter_count(); i++) parameters[i] = take(file, micro_parameter_elements(i));
  float *image = take(fopen("input.bin", "rb"), 2 * 3 * 64 * 64);
  float *logits = malloc(20 * sizeof(float));
  size_t size = micro_workspace_size(2);
  char *memory = aligned_alloc(256, size + 256);
  const float *kept = parameters[3];
  printf("%d %d ", micro_create(NULL, parameters), micro_create(&model, NULL));
  parameters[3] = NULL;
  printf("%d ", micro_create(&model, parameters));
  parameters[3] = kept;
  printf("%d ", micro_create(&model, parameters));
  printf("%d ", micro_forward(NULL, 2, image, logits, memory, size, NULL));
  printf("%d ", micro_forward(model, 2, NULL, logits, memory, size, NULL));
  printf("%d ", micro_forward(model, 2, image, logits, NULL, size, NULL));
  printf("%d ", micro_forward(model, 0, image, logits, memory, size, NULL));
  printf("%d ", micro_forward(model, 33, image, logits, memory, size, NULL));
  printf("%d ", micro_forward(model, 2, image, logits, memory, size - 1, NULL));
  printf("%d ", micro_forward(model, 2, image, logits, memory + 128, size, NULL));
  printf("%zu %s\\n", micro_workspace_size(33), micro_status_text(MICRO_WORKSPACE));
  int status = micro_forward(model, 2, image, logits, memory, size, NULL);
  for (int i = 0; i < 20; i++) printf("%.9g\\n", logits[i]);
  micro_destroy(model);
  micro_destroy(NULL);
  return status;
}
`;
const project = `cmake_minimum_required(VERSION 3.18)
project(user LANGUAGES C CXX)
find_package(micro 0.1 REQUIRED)
add_executable(user main.c)
target_link_libraries(user PRIVATE micro::micro)
`;

const cmake = (folder: string, words: readonly string[]): void => {
  const { status, stdout, stderr } = spawnSync("cmake", words, { cwd: folder, encoding: "utf8" });
  expect(`${stdout}${stderr}`, `cmake ${words.join(" ")}`).not.toMatch(/CMake Error|error:/);
  expect(status).toBe(0);
};

/** CMake builds each kernel by itself, which takes g++ a minute. */
describe.runIf(hasGxx && hasCmake && full)("the generated library, built by CMake with g++ alone", () => {
  test("is found by find_package from C, says what is wrong, and gives PyTorch's numbers", async () => {
    const golden = readGolden<{ readonly logits: { readonly values: number[] } }>("dense/micro-64x64-b2");
    const folder = newFolder();
    const prefix = path.join(folder, "prefix");
    cmake(folder, ["-S", sources, "-B", "library", "-DCNXC_CPU=ON", `-DCMAKE_INSTALL_PREFIX=${prefix}`]);
    cmake(folder, ["--build", "library", "--target", "install", "--parallel", "2"]);
    fill(folder, { "user/main.c": program, "user/CMakeLists.txt": project });
    cmake(folder, ["-S", "user", "-B", "built", `-DCMAKE_PREFIX_PATH=${prefix}`]);
    cmake(folder, ["--build", "built"]);

    const weights = goldenWeights(golden);
    const order = [...readFileSync(path.join(sources, "micro.cu"), "utf8").matchAll(/^ {4}\{"(.+)", \d+\},$/gm)];
    const parts = await Promise.all(order.map(([, name = ""]) => weights.f32(name)));
    writeFileSync(path.join(folder, "weights.bin"), Buffer.concat(parts.map(part => new Uint8Array(part.buffer))));
    writeFileSync(path.join(folder, "input.bin"), new Uint8Array(goldenInput(golden).values.buffer));
    const { status, stdout } = spawnSync(path.join(folder, "built/user"), { cwd: folder, encoding: "utf8" });
    const [codes = "", ...logits] = stdout.trim().split("\n");
    expect(codes).toBe(
      "1 1 1 0 1 1 1 2 2 3 3 0 the workspace is smaller than micro_workspace_size says, or not aligned to 256 bytes",
    );
    expect(status).toBe(0);
    expectLogits(logits.map(Number), golden.logits.values);
  });
});
