import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { readDevice } from "../../../src/explore/device.ts";
import { written } from "../../explore/support.ts";
import { cnxc } from "../../support/cli.ts";
import { newFolder } from "../../support/folders.ts";
import { full } from "../../support/full.ts";
import { hasSwiftShader } from "../../support/webgpu-process.ts";

/** What a pipe has of it every ten seconds. */
const progress = /^(loading|timing) \d+ of \d+ models on swiftshader\n/gm;

const spec = `model base { depths [1, 1, 2, 1]  dims [8, 16, 24, 40]  input 64x64x3 }
sweep s extends base { dims[0] in [8, 16, 24]  depths[2] in 1..3 }
`;

describe.runIf(hasSwiftShader)("what is measured on the adapter at hand", () => {
  test("stands beside what was predicted, for so many of the front", async () => {
    const file = written(newFolder(), spec);
    const ran = await cnxc(["explore", file, "--measure", "2", "--adapter", "swiftshader", "--json"]);
    expect([ran.stderr.replaceAll(progress, ""), ran.code]).toEqual(["", 0]);
    const { variants, front, query } = JSON.parse(ran.stdout).result;
    expect(query.settings).toEqual([expect.objectContaining({ device: "swiftshader", dtype: "f32", batch: 1 })]);
    for (const { index, estimates } of variants) {
      const [{ measured, milliseconds }] = estimates;
      if (!front.slice(0, 2).includes(index)) expect(measured).toBe(null);
      else expect([measured > 0, milliseconds > 0]).toEqual([true, true]);
    }
  });

  test("on another device than that of the adapter is refused", async () => {
    const file = written(newFolder(), spec);
    const ran = await cnxc(["explore", file, "--measure", "1", "--adapter", "swiftshader", "--device", "h200"]);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain("--measure runs on swiftshader here, which no --device is about");
  });
});

describe("cnxc calibrate", () => {
  test.runIf(full && hasSwiftShader)("fits a device that explore takes", async () => {
    const folder = newFolder();
    const file = path.join(folder, "mine.json");
    const ran = await cnxc(["calibrate", "--adapter", "swiftshader", "-o", file, "--json"]);
    const said = ran.stderr.replaceAll(progress, "");
    // How good a fit is, the bench of explore says: a machine that is busy meanwhile gives a bad one, or none.
    if (ran.code === 1) {
      expect([JSON.parse(ran.stdout).diagnostics[0].code, existsSync(file)]).toEqual(["calibration-impossible", false]);
      return;
    }
    expect([said, ran.code]).toEqual(["", 0]);
    const figures = { medianError: expect.any(Number), rankCorrelation: expect.any(Number) };
    expect(JSON.parse(ran.stdout).result).toMatchObject(figures);
    const device = readDevice(readFileSync(file), file);
    expect(device.ok && device.value).toMatchObject({ name: "mine", tuning: "swiftshader", overlaps: false });
    const explored = await cnxc(["explore", written(folder, spec), "--device", file]);
    expect([explored.stderr, explored.code]).toEqual(["", 0]);
    expect(explored.stdout).toContain("ms mine");
  });

  test.each([
    ["a name that no device can have", ["--name", "My GPU"], 2, "--name: a device's name is small letters"],
    ["an adapter that is not known", ["--adapter", "cuda"], 2, "gpu, swiftshader, lavapipe"],
    ["no output", [], 2, "'-o, --output <file>'"],
  ])("%s is refused before anything is timed", async (_, words, code, why) => {
    const file = path.join(newFolder(), "device.json");
    const ran = await cnxc(["calibrate", ...words, ...(words.length > 0 ? ["-o", file] : [])]);
    expect(ran.code).toBe(code);
    expect(ran.stderr).toContain(why);
    expect(existsSync(file)).toBe(false);
  });
});
