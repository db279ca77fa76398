import * as path from "node:path";
import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { shown } from "../../diagnostics/escape.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import { type Device, printDevice, type Rates, readDevice } from "../../explore/device.ts";
import { type Agreement, agreement, fitDevice, type Sample } from "../../explore/fit.ts";
import { calibrationModels } from "../../explore/fit-models.ts";
import { keepsApart, launchesOf } from "../../explore/lowering.ts";
import { impossibilities, untold } from "../../explore/possible.ts";
import { predict } from "../../explore/predict.ts";
import { StageCache } from "../../explore/stage-cache.ts";
import type { StorageType } from "../../model/model.ts";
import { measure } from "../executors/measure.ts";
import { writeFile } from "../files/write-file.ts";
import { type AdapterKind, findAdapter } from "../gpu/adapters.ts";
import { openDevice } from "../inputs/devices.ts";
import { type Outcome, outcome } from "../outcome/outcome.ts";

export interface Calibration {
  readonly output: string;
  readonly name: string | null;
  readonly adapter: AdapterKind | null;
  readonly dtypes: readonly StorageType[];
}

/** The device that a fit starts from: the nearest of those that come with cnxc. */
const starts: { readonly [K in AdapterKind]: string } = {
  gpu: "m3-max",
  swiftshader: "swiftshader",
  lavapipe: "lavapipe",
};

export async function calibrate({ output, name, adapter, dtypes }: Calibration): Promise<Outcome> {
  const found = await findAdapter(adapter);
  if (!found.ok) return outcome({ diagnostics: found.diagnostics });
  const { kind, description } = found.value;
  const start = blank(
    name ?? nameOf(output),
    `${shown(description, 120)}, WebGPU, fitted to measurements`,
    kind,
    dtypes,
  );
  if (!start.ok) return outcome({ diagnostics: start.diagnostics });
  const samples = await timed(kind, dtypes);
  if (!samples.ok) return outcome({ diagnostics: samples.diagnostics });
  const fitted = rounded(fitDevice(start.value, samples.value));
  const errors = agreementOf(fitted, samples.value);
  const why = impossibilities(fitted, errors);
  if (why.length > 0) return outcome({ diagnostics: [withNote(error("calibration-impossible", null, why), quieter)] });
  const how = `fitted by cnxc calibrate to ${samples.value.length} models: median error ${percent(errors.medianError)}, worst ${percent(errors.worstError)}`;
  const fields = ["bandwidth", "launch", ...dtypes.map(dtype => `rates.${dtype}`)];
  const sources = Object.fromEntries([
    ...fields.map(field => [field, how]),
    ...untold(fitted).map(field => [field, "the most that any device has: no time told it"]),
    ["units", `as of ${starts[kind]}, from which the fit began`],
  ]);
  const device: Device = { ...fitted, sources };
  const problem = await writeFile(output, [new TextEncoder().encode(printDevice(device))]);
  if (problem !== null) return outcome({ diagnostics: [problem] });
  return outcome({
    outputs: [{ path: output, status: "written" }],
    text: `${device.title}\n${how}\n`,
    result: { device, ...errors },
  });
}

const quieter =
  "the machine or the GPU had other work, or slowed down: run it again when it has none; nothing is written";

const nameOf = (file: string): string => path.basename(file).replace(/\.json$/, "");

/** A device to start from, whose name and file would be taken. */
function blank(name: string, title: string, kind: AdapterKind, dtypes: readonly StorageType[]): Result<Device> {
  const known = openDevice(starts[kind]);
  if (!known.ok) return known;
  const usual = Object.values(known.value.rates)[0] as Rates;
  const rates = Object.fromEntries(dtypes.map(dtype => [dtype, known.value.rates[dtype] ?? usual]));
  const device: Device = { ...known.value, name, title, rates };
  const checked = readDevice(new TextEncoder().encode(printDevice(device)), name);
  return checked.ok
    ? checked
    : fail(error("usage", null, "--name: a device's name is small letters, digits, '.' and '-'"));
}

async function timed(kind: AdapterKind, dtypes: readonly StorageType[]): Promise<Result<readonly Sample[]>> {
  const samples: Sample[] = [];
  for (const dtype of dtypes) {
    const form = { tuning: kind, dtype, batch: 1 } as const;
    const parts = new StageCache(model => launchesOf(model, form), { apart: keepsApart(form) });
    const requests = calibrationModels.map(model => ({ model, form: { dtype, batch: 1 } }));
    const times = await measure(kind, requests);
    if (!times.ok) return times;
    for (const [i, model] of calibrationModels.entries()) {
      const profile = parts.profile(model);
      if (!profile.ok) return profile;
      samples.push({ profile: profile.value, dtype, batch: 1, seconds: (times.value[i] as number) / 1e3 });
    }
  }
  return ok(samples);
}

const agreementOf = (device: Device, samples: readonly Sample[]): Agreement =>
  agreement(
    samples.map(({ profile, dtype, batch, seconds }) => ({
      predicted: predict(profile, device, device.rates[dtype] as Rates, batch).seconds,
      measured: seconds,
    })),
  );

const percent = (part: number): string => `${Math.round(100 * part)} %`;

/** Three digits: a fit knows no more. */
const rounded = (device: Device): Device => {
  const three = (value: number): number => Number(value.toPrecision(3));
  const rates = Object.entries(device.rates).map(([dtype, { product, depthwise, values }]) => [
    dtype,
    { product: three(product), depthwise: three(depthwise), values: three(values) },
  ]);
  return {
    ...device,
    rates: Object.fromEntries(rates),
    bandwidth: three(device.bandwidth),
    launch: three(device.launch),
  };
};
