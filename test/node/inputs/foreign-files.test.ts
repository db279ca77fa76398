import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Result } from "../../../src/diagnostics/diagnostic.ts";
import { messages } from "../../../src/diagnostics/messages.ts";
import { readTable } from "../../../src/emit/cuda/tuning-table.ts";
import { readDevice } from "../../../src/explore/device.ts";
import { readExploration } from "../../../src/explore/read.ts";
import { check } from "../../../src/model/check.ts";
import { readLabels } from "../../../src/node/inputs/labels.ts";
import { openWeightsFile } from "../../../src/node/inputs/weights-file.ts";
import { importSpec } from "../../../src/node/jobs/import.ts";
import { readManifest } from "../../../src/node/output/manifest.ts";
import { decodeSpec } from "../../../src/syntax/decode.ts";
import { load } from "../../../src/syntax/load.ts";
import { f32Tensor } from "../../../src/weights/formats/safetensors.ts";
import { readTensorFile } from "../../../src/weights/formats/tensor-file.ts";
import { explored } from "../../support/exploration.ts";
import { full } from "../../support/full.ts";
import { mutated, numbers } from "../../support/mutate.ts";
import { writeTensors } from "../../support/tensors.ts";

const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cnxc-test-")));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const written = (bytes: Uint8Array, name: string): string => {
  fs.writeFileSync(path.join(folder, name), bytes);
  return path.join(folder, name);
};

beforeAll(async () => {
  for (const [i, name] of ["a", "b"].entries())
    await writeTensors(path.join(folder, `model-0000${i + 1}.safetensors`), [
      f32Tensor(name, [1], () => new Float32Array(1)),
    ]);
});

async function readIndex(bytes: Uint8Array): Promise<Result<unknown>> {
  const opened = await openWeightsFile(written(bytes, "model.safetensors.index.json"));
  if (!opened.ok) return opened;
  try {
    return await readTensorFile(opened.value);
  } finally {
    await opened.value.close();
  }
}

function readSpec(bytes: Uint8Array): Result<unknown> {
  const source = decodeSpec(bytes, "f.cnx");
  if (!source.ok) return source;
  const files = load(source.value, (_, from) => {
    throw new Error(`an import at ${from.start}: mutations make none that is legal`);
  });
  return files.ok ? check(files.value) : files;
}

const json = (value: unknown): string => JSON.stringify(value, null, 1);
const table = {
  format: 1,
  architecture: "sm_90",
  device: "a device",
  rows: [],
};
const manifest = {
  format: 2,
  compiler: "0.1.0",
  specs: [
    {
      path: "../a.cnx",
      sha256: "00",
      options: { dtype: "f32" },
      files: [
        { path: "m/a.wgsl", size: 3, sha256: "ab" },
        { path: "m/b.wgsl", size: 0, sha256: "cd" },
      ],
    },
  ],
};

/** Every reader of a foreign file that has no test of this kind of its own, and a file that it takes. */
const readers: Readonly<
  Record<
    string,
    { readonly good: string; readonly read: (bytes: Uint8Array) => Result<unknown> | Promise<Result<unknown>> }
  >
> = {
  spec: { good: fs.readFileSync("specs/micro.cnx", "utf8").replaceAll(/^import .*$/gm, ""), read: readSpec },
  config: {
    good: json({
      model_type: "convnextv2",
      depths: [2, 2, 6, 2],
      hidden_sizes: [40, 80, 160, 320],
      image_size: 224,
      id2label: { 0: "a" },
    }),
    read: bytes => importSpec(written(bytes, "config.json"), { name: null, features: false }),
  },
  "config of timm": {
    good: json({
      architecture: "convnextv2_atto",
      num_classes: 3,
      label_names: ["a", "b", "c"],
      pretrained_cfg: { input_size: [3, 256, 256], crop_pct: 0.95, mean: [0.5, 0.5, 0.5], interpolation: "bilinear" },
      model_args: {
        in_chans: 3,
        depths: [1, 1, 1, 1],
        dims: [8, 16, 24, 40],
        kernel_sizes: [7, 7, 5, 3],
        norm_eps: 1e-5,
      },
    }),
    read: bytes => importSpec(written(bytes, "timm.json"), { name: null, features: false }),
  },
  "config of OpenMMLab": {
    good: json({
      model: {
        backbone: {
          type: "ConvNeXt",
          arch: { depths: [1, 2], channels: [8, 16] },
          norm_cfg: { type: "LN2d", eps: 1e-6 },
        },
        head: { num_classes: 3 },
      },
    }),
    read: bytes => importSpec(written(bytes, "mm.json"), { name: null, features: false }),
  },
  "folder of both configs": {
    good: json({ size: { shortest_edge: 256 }, crop_pct: 0.9, resample: 2, image_mean: [0.5], image_std: [0.5] }),
    read: bytes => {
      fs.mkdirSync(path.join(folder, "hub"), { recursive: true });
      written(new TextEncoder().encode('{"model_type": "convnextv2"}'), "hub/config.json");
      written(bytes, "hub/preprocessor_config.json");
      return importSpec(path.join(folder, "hub"), { name: null, features: false });
    },
  },
  index: {
    good: json({
      metadata: { total_size: 4 },
      weight_map: { a: "model-00001.safetensors", b: "model-00002.safetensors" },
    }),
    read: readIndex,
  },
  device: { good: fs.readFileSync("specs/devices/m3-max.json", "utf8"), read: bytes => readDevice(bytes, "d.json") },
  "tuning table": { good: json(table), read: bytes => readTable(bytes, "t.json") },
  shard: { good: json(explored(3).exploration), read: bytes => readExploration(bytes, "s.json") },
  manifest: {
    good: json(manifest),
    read: bytes => readManifest(new TextDecoder().decode(bytes), "cnxc.manifest.json"),
  },
  labels: {
    good: "tench\ngoldfish\r\nhammerhead\n",
    read: bytes => readLabels(written(bytes, "labels.txt"), { name: "m", classes: 3 }),
  },
};

const tokens = [
  ...'{}[],:"\\0123456789-+.eE \t\r\n\0\u007f',
  ..."null true false 1e3 1e999 -0 9007199254740993 \\u0061 \\ud800 é 😀 \ufeff \u202e \u001b[2J".split(" "),
  ...'__proto__ constructor toString "": [[[[ ]]]] }}}} ,, "" model extends depths dims head in 65536 ../x /etc/passwd'.split(
    " ",
  ),
].map(token => new TextEncoder().encode(token));

const rounds = full ? 100_000 : 250;

test.each(Object.entries(readers))(`${rounds} broken files, %s: an answer for each`, async (_, { good, read }) => {
  const whole = new TextEncoder().encode(good);
  expect((await read(whole)).diagnostics).toEqual([]);
  const below = numbers(20_261_130);
  let refused = 0;
  for (let round = 0; round < rounds; round++) {
    const found = await read(mutated(whole, tokens, below));
    for (const { code, message } of found.diagnostics) {
      expect(messages[code].kind).not.toBe("E_INTERNAL");
      expect(message.length).toBeLessThanOrEqual(2000);
    }
    if (found.ok) continue;
    refused++;
    expect(found.diagnostics.length).toBeGreaterThan(0);
  }
  expect(refused).toBeGreaterThan(0);
});
