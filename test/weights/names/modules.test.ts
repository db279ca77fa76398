import { expect, test } from "vitest";
import { officialModules } from "../../../src/weights/names/modules.ts";
import { officialNames, rename } from "../../../src/weights/names/rename.ts";
import { fileOf } from "../../support/tensor-file.ts";

test.each([
  ["stages.0.blocks.1.mlp.fc1", ["stages.0.1.pwconv1"]],
  ["convnextv2.encoder.stages.0.layers.1.pwconv1", ["stages.0.1.pwconv1"]],
  ["stages.0.1.pwconv1", ["stages.0.1.pwconv1"]],
  ["stages.0.1.somewhere", []],
  ["layer1.0.conv1", []],
])("%s is the official %j", (path, official) => {
  expect(officialModules(path)).toEqual(official);
});

test("a file that no naming knows has no official names, and its problem says which file and what to do", () => {
  const file = fileOf([{ name: "layer1.0.conv1.weight", shape: [3] }]);
  expect(officialNames(file)).toEqual([]);
  const { ok, diagnostics } = rename(file);
  expect(ok).toBe(false);
  expect(diagnostics[0]?.place).toEqual({ file: "w.safetensors", offset: null });
  expect(diagnostics[0]?.notes[0]?.message).toContain("--rename FROM=TO");
  expect(rename(fileOf([])).diagnostics[0]?.notes).toEqual([]);
});
