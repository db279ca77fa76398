import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Device, printDevice, type Rates, readDevice } from "../../src/explore/device.ts";
import { agreement, fitDevice } from "../../src/explore/fit.ts";
import { calibrationModels } from "../../src/explore/fit-models.ts";
import { type KernelConfig, keepsApart, launchesOf } from "../../src/explore/lowering.ts";
import { impossibilities, untold } from "../../src/explore/possible.ts";
import { predict } from "../../src/explore/predict.ts";
import { type Profile, StageCache } from "../../src/explore/stage-cache.ts";
import { openDevice, shippedDevices } from "../../src/node/inputs/devices.ts";
import { loadProgram } from "../../src/node/inputs/program.ts";
import { utf8 } from "../../src/weights/formats/utf8.ts";

const must = <T>(result: { readonly ok: boolean; readonly value?: T }): T => {
  expect(result).toMatchObject({ ok: true });
  return result.value as T;
};
const models = must(loadProgram("specs/convnextv2.cnx", null, null)).program.models;
const profiles = new Map<string, StageCache>();
function profileOf(name: string, form: KernelConfig): Profile {
  const key = JSON.stringify(form);
  const parts = profiles.get(key) ?? new StageCache(model => launchesOf(model, form), { apart: keepsApart(form) });
  profiles.set(key, parts);
  const model = models.get(name);
  if (model === undefined) throw new Error(name);
  return must(parts.profile(model));
}
const secondsOf = (profile: Profile, device: Device, { dtype, batch }: Pick<KernelConfig, "dtype" | "batch">): number =>
  predict(profile, device, device.rates[dtype] as Rates, batch).seconds;

describe("device files", () => {
  test.each(shippedDevices())("%s says where each of its numbers is from", name => {
    const device = must(openDevice(name));
    expect(device.name).toBe(name);
    const fields = ["bandwidth", "launch", "units", ...Object.keys(device.rates).map(dtype => `rates.${dtype}`)];
    for (const field of fields) expect(device.sources[field], field).toMatch(/\w{3}/);
    expect(readDevice(utf8(printDevice(device)), name)).toEqual({ ok: true, value: device, diagnostics: [] });
  });

  test("everything wrong with one is told at once", () => {
    const text = JSON.stringify({
      ...must(openDevice("h200")),
      name: "A b",
      bandwith: 1,
      launch: -1,
      rates: { f64: {} },
    });
    const read = readDevice(utf8(text), "x.json");
    const said = read.ok ? [] : read.diagnostics.map(({ message }) => message);
    expect(said).toHaveLength(7);
    expect(said[0]).toContain("'bandwidth'");
    expect(readDevice(utf8("{"), "x.json")).toMatchObject({ ok: false, diagnostics: [{ code: "device-file" }] });
  });

  test("an unknown name is told with the nearest one", () => {
    const opened = openDevice("h20");
    expect(opened.ok ? "" : opened.diagnostics[0]?.message).toContain("did you mean 'h200'?");
  });
});

describe("predictions", () => {
  interface Row {
    readonly label: string;
    readonly batch: number;
    readonly graph_ms?: number;
  }
  test("h200: what was measured there", () => {
    const { rows } = JSON.parse(readFileSync("bench/results/cuda-h200.json", "utf8")) as { rows: readonly Row[] };
    const device = must(openDevice("h200"));
    const pairs = rows.flatMap(({ label, batch, graph_ms: measured }) => {
      const [, name, dtype] = /^(atto|tiny|base)-(bf16|f32)-b\d+$/.exec(label) ?? [];
      if (name === undefined || measured === undefined) return [];
      const form = { tuning: "cuda", dtype: dtype as KernelConfig["dtype"], batch } as const;
      return [{ predicted: 1e3 * secondsOf(profileOf(name, form), device, form), measured }];
    });
    expect(pairs).toHaveLength(18);
    const { rankCorrelation, medianError, worstError } = agreement(pairs);
    expect(rankCorrelation).toBeGreaterThan(0.99);
    expect(medianError).toBeLessThan(0.1);
    expect(worstError).toBeLessThan(0.35);
  });

  /** Microseconds at batch 1: the sum of each kernel's limit, and launches. Full waves alone would reach it. */
  test.each([
    ["m3-max", "atto", 383],
    ["m3-max", "tiny", 1580],
    ["m3-max", "base", 4930],
    ["m3-max", "huge", 32_890],
    ["rtx-4090-webgpu", "atto", 262],
    ["rtx-4090-webgpu", "tiny", 559],
    ["rtx-4090-webgpu", "base", 1313],
    ["rtx-4090-webgpu", "huge", 5830],
  ])("%s, %s: at the limits of the device and not far above", (name, size, microseconds) => {
    const form = { tuning: "gpu", dtype: "f32", batch: 1 } as const;
    const ratio = (1e6 * secondsOf(profileOf(size, form), must(openDevice(name)), form)) / microseconds;
    expect(ratio).toBeGreaterThan(0.95);
    expect(ratio).toBeLessThan(1.3);
  });

  test("a fit finds a device again from its times", () => {
    const form = { tuning: "swiftshader", dtype: "f32", batch: 1 } as const;
    const known: Rates = { product: 1.6e9, depthwise: 4.1e8, values: 2.1e7 };
    const device = { ...must(openDevice("swiftshader")), rates: { f32: known }, bandwidth: 4.2e8, launch: 6.8e-4 };
    const samples = ["atto", "femto", "pico", "nano", "tiny", "base"].map(name => {
      const profile = profileOf(name, form);
      return { profile, dtype: "f32", batch: 1, seconds: secondsOf(profile, device, form) } as const;
    });
    const off: Rates = { product: 3e9, depthwise: 3e9, values: 3e8 };
    const fitted = fitDevice({ ...device, rates: { f32: off }, bandwidth: 3e9, launch: 1e-4 }, samples);
    const pairs = samples.map(({ profile, seconds }) => ({
      predicted: secondsOf(profile, fitted, form),
      measured: seconds,
    }));
    expect(agreement(pairs).worstError).toBeLessThan(0.02);
  });

  test.each([1e-30, 1e30])("a fit to times that no device has stays a device: %d s", seconds => {
    const form = { tuning: "swiftshader", dtype: "f32", batch: 1 } as const;
    const samples = ["atto", "tiny"].map(
      name => ({ profile: profileOf(name, form), dtype: "f32", batch: 1, seconds }) as const,
    );
    const fitted = fitDevice(must(openDevice("swiftshader")), samples);
    expect(readDevice(utf8(printDevice(fitted)), "fitted")).toMatchObject({ ok: true });
  });

  describe("a fit is refused that no device could be", () => {
    const form = { tuning: "swiftshader", dtype: "f32", batch: 1 } as const;
    const rates: Rates = { product: 1e9, depthwise: 4e8, values: 5e7 };
    const device = { ...must(openDevice("swiftshader")), rates: { f32: rates }, bandwidth: 2e9, launch: 3e-4 };
    /** What calibrate would time on a device whose speed changes from model to model by these factors. */
    const fitTo = (change: Partial<Device>, factors: readonly number[] = [1]) => {
      const parts = new StageCache(model => launchesOf(model, form), { apart: keepsApart(form) });
      const samples = calibrationModels.map((model, i) => {
        const profile = must(parts.profile(model));
        const seconds = secondsOf(profile, { ...device, ...change }, form) * (factors[i % factors.length] as number);
        return { profile, dtype: "f32", batch: 1, seconds } as const;
      });
      const fitted = fitDevice(device, samples);
      const pairs = samples.map(({ profile, seconds }) => ({
        predicted: secondsOf(profile, fitted, form),
        measured: seconds,
      }));
      return { fitted, why: impossibilities(fitted, agreement(pairs)) };
    };

    test("but not what a device gives, however noisy by a tenth", () => {
      expect(fitTo({}).why).toEqual([]);
      expect(fitTo({}, [1, 1.1, 0.9, 1.05, 0.95]).why).toEqual([]);
    });

    test("for times of a machine that was busy", () => {
      expect(fitTo({}, [1, 4, 0.5, 9, 2]).why.join()).toMatch(
        /predictions are off by \d+ % in the median, more than 20 %/,
      );
    });

    test.each([
      [
        { launch: 0, bandwidth: 1e12, rates: { f32: { product: 1e13, depthwise: 5e12, values: 5e11 } } },
        "launch is 2.0\\d*e-7 seconds, the least",
      ],
      [
        { rates: { f32: { ...rates, product: 1e5 } } },
        "rates.f32.product is \\S+ multiply-adds a second of products, the least",
      ],
    ])("for times of %j", (change, said) => {
      expect(fitTo(change).why.join()).toMatch(new RegExp(said));
    });

    test("and what no time depends on stays at the most that there is, and is told", () => {
      const { fitted, why } = fitTo({ bandwidth: 1e17 });
      expect(why).toEqual([]);
      expect(fitted.bandwidth).toBeLessThanOrEqual(2e13);
      expect(untold({ ...fitted, bandwidth: 2e13 })).toEqual(["bandwidth"]);
    });

    test.each(["h200", "lavapipe", "m3-max", "rtx-4090", "rtx-4090-webgpu", "swiftshader"])("%s is a device", name => {
      const none = { medianError: 0, worstError: 0, rankCorrelation: 1 };
      expect(impossibilities(must(openDevice(name)), none)).toEqual([]);
    });
  });

  test("agreement of what is in the wrong order", () => {
    const pairs = [1, 2, 3, 4].map(measured => ({ predicted: 5 - measured, measured }));
    expect(agreement(pairs)).toEqual({ rankCorrelation: -1, medianError: 0.625, worstError: 3 });
  });
});
