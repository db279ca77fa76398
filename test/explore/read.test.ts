import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ok } from "../../src/diagnostics/diagnostic.ts";
import { type Device, deviceRanges, printDevice, readDevice } from "../../src/explore/device.ts";
import { merge } from "../../src/explore/finish.ts";
import { prepare, type Question, type SweepSpec } from "../../src/explore/prepare.ts";
import { readExploration } from "../../src/explore/read.ts";
import { csvOf } from "../../src/explore/render.ts";
import type { Exploration, Variant } from "../../src/explore/result.ts";
import { check } from "../../src/model/check.ts";
import { maxBatch } from "../../src/model/model.ts";
import { utf8 } from "../../src/weights/formats/utf8.ts";
import { device } from "../support/exploration.ts";
import { filesOf, loadFiles, must } from "../syntax/support.ts";

/** What a test damages, of no type. */
type Loose = ReturnType<typeof JSON.parse>;

const usual: Question = {
  sweep: null,
  devices: ["a-gpu"],
  dtypes: [],
  batches: [1],
  where: [],
  sort: [],
  top: null,
  front: ["macs:max", "latency"],
  budget: null,
  seed: 1,
  evaluations: 100,
  shard: null,
};

function sweepOf(text: string): SweepSpec {
  const files = must(loadFiles(filesOf({ "input.cnx": text })));
  return { files, program: must(check(files)) };
}
const base = "model b { depths [1, 1] dims [8, 16] input 32x32x3 }\n";
const spec = sweepOf(`${base}sweep s extends b {
  mlp_ratio in [1, 2]
  activation in [gelu, gelu_tanh]
  dims in [[8, 16], [16, 32]]
}`);

function run(
  question: Partial<Question>,
  { of = spec, on = device }: { of?: SweepSpec; on?: Device } = {},
): Exploration {
  const prepared = must(prepare({ ...usual, ...question }, of, () => ok(on)));
  const variants: Variant[] = [];
  let visited = 0;
  for (const variant of prepared.visits()) {
    visited++;
    if (variant !== null) variants.push(variant);
  }
  return prepared.finish(visited, variants, true);
}

const said = (value: unknown): string => {
  const read = readExploration(utf8(typeof value === "string" ? value : JSON.stringify(value)), "a.json");
  return read.ok ? "" : read.diagnostics.map(({ code, message }) => `${code}: ${message}`).join("\n");
};
const again = (value: Exploration): Exploration =>
  must(readExploration(utf8(JSON.stringify({ ok: true, result: value })), "a.json"));

/** A device whose every rate is at one end of what there may be. */
const extreme = (end: "from" | "to"): Device => {
  const { rate, launch, units } = deviceRanges;
  const rates = { product: rate[end], depthwise: rate[end], values: rate[end] };
  const given = {
    ...device,
    rates: { f32: rates, f16: rates },
    bandwidth: rate[end],
    launch: launch[end],
    units: units[end],
  };
  return must(readDevice(utf8(printDevice(given)), "extreme"));
};

describe("what cnxc explored is read and merged again", () => {
  test("whatever was asked", () => {
    const columns = fc.constantFrom("params", "macs:max", "latency", "throughput:max", "weights", "scratch@a-gpu");
    const questions = fc.record({
      dtypes: fc.constantFrom([], ["f32"], ["f16", "f32"]),
      batches: fc.constantFrom([1], [1, 7, maxBatch]),
      where: fc.subarray(["params>=1", " latency@a-gpu < 1e30 ", "macs<=5M"]),
      sort: fc.uniqueArray(columns),
      top: fc.option(fc.integer({ min: 1, max: 9 })),
      front: fc.uniqueArray(columns, { minLength: 1 }),
      budget: fc.constantFrom(null, "params=5M", "params=5M,macs=1G"),
    });
    const devices = fc.constantFrom(device, extreme("from"), extreme("to"), { ...device, overlaps: false });
    fc.assert(
      fc.property(questions, devices, fc.integer({ min: 1, max: 4 }), (some, on, parts) => {
        const asked = {
          ...some,
          where: some.dtypes.length + some.batches.length > 2 ? [] : some.where,
        } as Partial<Question>;
        const alone = asked.dtypes?.length === 0 && asked.batches?.length === 1;
        const wanted = {
          ...asked,
          sort: alone ? asked.sort : [],
          front: alone ? asked.front : ["params"],
        } as Partial<Question>;
        const whole = run(wanted, { on });
        expect(again(whole)).toEqual(whole);
        expect(JSON.stringify(whole)).not.toMatch(/null(?!,"(search|variants|front|query)|})|Infinity|NaN/);
        expect(csvOf(whole)).not.toMatch(/Infinity|NaN/);
        if (wanted.budget !== null) return;
        const shards = Array.from({ length: parts }, (_, i) =>
          again(run({ ...wanted, shard: { index: i + 1, of: parts } }, { on })),
        );
        expect(must(merge(shards))).toEqual(whole);
      }),
      { numRuns: 25 },
    );
  });

  test.each(["dense", "fcmae", "features"])("with a head of every kind: %s", kind => {
    const heads = {
      dense: "",
      fcmae: "head fcmae { decoder { depth 1 dim 16 } }",
      features: "head features { levels [1, 2] }",
    };
    const text = `model b { depths [1, 1] dims [8, 16] input 64x64x3 ${heads[kind as keyof typeof heads]} }\nsweep s extends b { depths[0] in 1..3 }`;
    const whole = run({}, { of: sweepOf(text) });
    expect(again(whole)).toEqual(whole);
  });
});

describe("anything odd in an exploration is refused, and said where", () => {
  const whole = run({ where: ["params>=1"], sort: ["latency"], budget: "params=5M" });
  const changed = (change: (copy: Loose) => void, from = whole): string => {
    const copy = structuredClone(from);
    change(copy);
    return said(copy);
  };

  test.each<[string, (copy: Loose) => void]>([
    ["'format' must be cnxc-exploration-1", c => (c.format = "cnxc-exploration-2")],
    ["'query' must be an object", c => (c.query = null)],
    ["'query.settings' must be a list of 1 to", c => (c.query.settings = [])],
    ["'query.settings[0].title' must be one line", c => (c.query.settings[0].title = "a\u001b[2J")],
    ["'query.settings[0].label' must be a device's name", c => (c.query.settings[0].label = "<b>")],
    ["'query.settings[0].batch' must be a whole number from 1 to 65536", c => (c.query.settings[0].batch = 0)],
    ["'query.axes[0].path' must be the path of a field", c => (c.query.axes[0].path = "<img>")],
    ["'query.axes[0].values[0]' must be a number, true, false or one line", c => (c.query.axes[0].values[0] = {})],
    ["'query.sweep' must be the name of a sweep", c => (c.query.sweep = "a b")],
    ["'query.spec' must be a SHA-256", c => (c.query.spec = "x")],
    ["'query.where[0]' must be a condition on one of its columns", c => (c.query.where = ["no<=1"])],
    ["'query.sort[0]' must be one of its columns", c => (c.query.sort = ["no"])],
    ["'query.front[0]' must be one of its columns", c => (c.query.front = ["no"])],
    ["'search.budget[0]' must be a limit of one of its columns", c => (c.search.budget = ["no=1"])],
    ["'search.seed' must be a whole number", c => (c.search.seed = -1)],
    ["'points' must be 8, the product of its axes", c => (c.points = 9)],
    ["'visited' must be at most 8", c => (c.visited = 9)],
    ["'complete' must be true or false", c => (c.complete = 1)],
    ["'shard' must be null or an object", c => (c.shard = 3)],
    ["'shard.index' must be from 1 to 2", c => (c.shard = { index: 3, of: 2 })],
    ["'variants[3].index' must be a whole number from 0", c => (c.variants[3].index = "<meta>")],
    ["'variants[3].index' must be below 8", c => (c.variants[3].index = 8)],
    ["'variants[1].index' must be another than those before", c => (c.variants[1] = c.variants[0])],
    ["'variants[0].values[1]' must be", c => (c.variants[0].values[1] = "\u001b[2J")],
    ["'variants[0].values' must be a list of 3", c => c.variants[0].values.pop()],
    ["'variants[0].estimates' must be a list of 1", c => (c.variants[0].estimates = [])],
    [
      "'variants[0].estimates[0].milliseconds' must be a number from",
      c => (c.variants[0].estimates[0].milliseconds = null),
    ],
    ["'variants[0].estimates[0].bound' must be one of", c => (c.variants[0].estimates[0].bound = "toString")],
    ["'variants[0].stages[0].dim' must be a whole number", c => (c.variants[0].stages[0].dim = 0.5)],
    ["'variants[0].params' must be a whole number", c => (c.variants[0].params = -1)],
    ["'variants[0].more' must be one of the fields index, values", c => (c.variants[0].more = 1)],
    ["'front[0]' must be the index of one of its variants", c => (c.front = [77])],
    ["'front[1]' must be the index of one of its variants, each once", c => (c.front = [c.front[0], c.front[0]])],
  ])("%s", (message, change) => {
    expect(changed(change)).toContain(
      `exploration-file: this is no exploration that cnxc explore --json wrote: ${message}`,
    );
  });

  test("a row of another shard is in the wrong file", () => {
    const part = run({ shard: { index: 1, of: 2 } });
    expect(changed(c => (c.variants[0].index = 1), part)).toContain("'variants[0].index' must be of shard 1 of 2");
  });

  test("whatever any of its values becomes, it is that same value, or refused by its file", () => {
    const odd = [
      null,
      true,
      -1,
      0.5,
      1e300,
      "",
      "x",
      "\u001b[2J",
      "</script>",
      [],
      [null],
      {},
      { a: 1 },
      "9".repeat(300),
    ];
    const text = JSON.stringify(whole);
    const paths: (readonly (string | number)[])[] = [];
    const walk = (value: unknown, at: readonly (string | number)[]): void => {
      paths.push(at);
      if (typeof value === "object" && value !== null)
        for (const [key, inner] of Object.entries(value))
          walk(inner, [...at, Array.isArray(value) ? Number(key) : key]);
    };
    walk(whole, []);
    for (const at of paths)
      for (const value of [undefined, ...odd]) {
        const copy = JSON.parse(text);
        const owner = at.slice(0, -1).reduce((inner, key) => inner[key], copy);
        const last = at.at(-1);
        if (last === undefined) continue;
        owner[last] = value;
        const read = readExploration(utf8(JSON.stringify(copy)), "a.json");
        if (!read.ok)
          expect(read.diagnostics[0]).toMatchObject({ code: "exploration-file", place: { file: "a.json" } });
        else expect(JSON.stringify(csvOf(read.value))).not.toMatch(/\\u001b|script|Infinity|NaN/);
      }
  });

  test.each(["", "null", "[]", "3", '"x"', '{"result":null}', '{"result":{"result":{}}}', "[".repeat(100_000)])(
    "%#: no exploration at all",
    text => {
      expect(said(text)).toContain("exploration-file: ");
    },
  );
});

describe("devices", () => {
  const text = readFileSync("specs/devices/m3-max.json", "utf8");
  test.each([
    [
      '"bandwidth": 400000000000.0',
      '"bandwidth": 1e-320',
      "'bandwidth' of a device file must be a number from 1 to 1e+21",
    ],
    [
      '"bandwidth": 400000000000.0',
      '"bandwidth": 1e300',
      "'bandwidth' of a device file must be a number from 1 to 1e+21",
    ],
    ['"bandwidth": 400000000000.0', '"bandwidth": "NaN"', "'bandwidth' of a device file must be a number"],
    [
      '"bandwidth": 400000000000.0',
      '"bandwidth": 1e999',
      "'the file' of a device file must be JSON: expected a number that is finite",
    ],
    ['"bandwidth": 400000000000.0', '"bandwidth": -1', "'bandwidth' of a device file must be a number"],
    ['"launch": 5e-6', '"launch": 0', "'launch' of a device file must be a number from 1e-12 to 1000"],
    ['"units": 40', '"units": 1e-9', "'units' of a device file must be a number from 1 to 1000000000"],
    [
      '"product": 3600000000000.0',
      '"product": 1e-5',
      "'rates.f32.product' of a device file must be a number from 1 to 1e+21",
    ],
    ['"product": 3600000000000.0', '"produce": 1', "'rates.f32.product' of a device file must be a number"],
    [
      '"title": "Apple',
      '"title": "\\u001b[2JApple',
      "'title' of a device file must be one line of at most 200 characters",
    ],
    ['"units": "40 cores"', '"units": "a\\u202eb"', "'sources.units' of a device file must be one line"],
    ['"name"', '"name": "x", "name"', "stands twice in one object"],
  ])("%#: %s as %s", (from, to, message) => {
    expect(text).toContain(from);
    const read = readDevice(utf8(text.replace(from, to)), "d.json");
    expect(read.ok ? [] : read.diagnostics.map(({ message }) => message).join("\n")).toContain(message);
  });
});

test("the largest batch there is comes back, and one more does not", () => {
  const found = run({ batches: [1, maxBatch] });
  expect(readExploration(utf8(JSON.stringify(found)), "a.json").ok).toBe(true);
  const beyond = JSON.stringify(found).replaceAll(`"batch":${maxBatch}`, `"batch":${maxBatch + 1}`);
  expect(said(beyond)).toContain("query.settings[1].batch");
});
