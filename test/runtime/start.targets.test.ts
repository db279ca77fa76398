import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Browser, Page, Request } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasChromium, launchChromium, openPage } from "../support/chromium.ts";
import { cnxc } from "../support/cli.ts";

const script = `
import { fetchWeights, requestDevice } from "/runtime/index.js";
import { createModel, descriptor } from "/micro/micro.js";

export const file = "/micro/weights.safetensors";

/** A device that counts its pipelines. */
async function counted() {
  const device = await requestDevice(descriptor);
  const counts = { asked: 0, made: 0 };
  const uncaught = [];
  device.onuncapturederror = event => uncaught.push(event.error.message);
  const counting = new Proxy(device, {
    get: (of, key) => {
      const value = of[key];
      if (typeof value !== "function") return value;
      return (...words) => {
        const made = value.apply(of, words);
        if (key !== "createComputePipelineAsync") return made;
        counts.asked++;
        made.then(() => counts.made++, () => {});
        return made;
      };
    },
  });
  return { device: counting, counts, uncaught };
}

/** How a creation ends, and how many pipelines were asked for and made by then. */
async function ending(options, act = () => {}) {
  const { device, counts, uncaught } = await counted();
  const events = [];
  const onProgress = progress => {
    events.push({ ...progress, ...counts });
    act({ device, events });
  };
  const made = createModel({ device, onProgress, ...options });
  const end = await made.then(() => "made", e => e.name + ": " + e.message);
  const atEnd = { ...counts };
  device.destroy();
  return { end, ...atEnd, first: events[0] ?? null, events: events.length, uncaught };
}

/** Aborted some time after the first event. */
export async function aborted(wait) {
  const controller = new AbortController();
  const weights = await fetchWeights(file);
  let waits = false;
  return ending({ weights, signal: controller.signal }, () => {
    if (waits) return;
    waits = true;
    setTimeout(() => controller.abort(), wait);
  });
}

/** The device destroyed at an event, counted from 0. */
export const destroyed = async at =>
  ending({ weights: await fetchWeights(file) }, ({ device, events }) => {
    if (events.length !== at + 1) return;
    device.destroy();
  });

export async function wrong() {
  const right = await fetchWeights(file);
  const names = descriptor.params.map(({ name }) => name);
  const all = Object.fromEntries(names.map(name => [name, right(name)]));
  const last = names.at(-1);
  const cases = {
    none: {},
    "the last": { ...all, [last]: undefined },
    "a short one": { ...all, [last]: all[last].subarray(1) },
    "doubles": { ...all, [last]: new Float64Array(all[last].length) },
    null: null,
    number: 5,
    fetched: await fetchWeights("/other.safetensors"),
    "a promise": Promise.resolve({}),
    "an address": "/other.safetensors",
  };
  const ends = {};
  for (const [name, weights] of Object.entries(cases)) ends[name] = await ending({ weights });
  return { ends, last };
}

/** What is in the page's cache, by address and hash. */
const inCache = async () => {
  const cache = await caches.open("micro");
  const keys = await cache.keys();
  return keys.map(({ url }) => new URL(url)).map(({ pathname, searchParams }) => [pathname, searchParams.get("sha256")]);
};

/** A file that is kept from one visit to the next; by how many requests of the page the test knows. */
export async function kept() {
  const { weights } = await import("/micro/weights.js");
  const { sha256, bytes } = weights;
  const inputs = { pixel_values: Float32Array.from({ length: 3 * 64 * 64 }, (_, i) => Math.sin(i)) };
  const logits = async given => {
    const device = await requestDevice(descriptor);
    const model = await createModel({ device, weights: given });
    const out = await model.run(inputs);
    device.destroy();
    return [...out.logits];
  };
  const plain = await logits(file);
  const address = { href: file, sha256, cache: "micro" };
  const first = await logits(address);
  const second = await logits(address);
  const third = await logits(fetchWeights(file, address));
  const found = await inCache();
  const last = [];
  const { loaded, total } = await new Promise(resolve => {
    fetchWeights(file, { ...address, onProgress: last.push.bind(last) }).then(() => resolve(last.at(-1)));
  });
  const ends = {};
  const end = async (name, options) => {
    ends[name] = await fetchWeights(file, options).then(() => "read", e => e.name + ": " + e.message);
  };
  await end("a hash of another file", { sha256: "0".repeat(64), cache: "micro" });
  await end("a cache and no hash", { cache: "micro" });
  const right = await inCache();
  const cache = await caches.open("micro");
  const [key] = await cache.keys();
  await cache.put(key, new Response("broken"));
  await end("broken in the cache", address);
  const after = await inCache();
  await end("and then", address);
  const older = new URL(key.url);
  older.searchParams.set("sha256", "1".repeat(64));
  await cache.put(older, new Response("an older file"));
  await cache.delete(key);
  await end("beside an older file", address);
  return { sha256, bytes, plain, first, second, third, found, loaded, total, ends, right, after, now: await inCache() };
}

/** What a page may do by mistake. */
export async function mistakes() {
  const { device } = await counted();
  const end = async work => {
    try {
      return await work().then(() => "made", e => e.name + ": " + e.message);
    } catch (e) {
      return "thrown " + e;
    }
  };
  return Promise.all([
    end(() => createModel()),
    end(() => createModel({ weights: file })),
    end(() => createModel({ device: requestDevice(descriptor), weights: file })),
    end(() => requestDevice()),
    end(() => requestDevice([])),
    end(() => requestDevice({})),
    end(() => createModel({ device, weights: fetch(file) })),
  ]);
}
`;

interface Ending {
  readonly end: string;
  /** Pipelines by then. */
  readonly asked: number;
  readonly made: number;
  readonly first: { readonly loaded: number; readonly total: number; readonly made: number } | null;
  readonly events: number;
  readonly uncaught: readonly string[];
}

type Entries = readonly (readonly [path: string, sha256: string])[];
type Logits = readonly number[];

interface Kept extends Readonly<Record<"plain" | "first" | "second" | "third", Logits>> {
  readonly sha256: string;
  readonly bytes: number;
  readonly loaded: number;
  readonly total: number;
  readonly ends: Readonly<Record<string, string>>;
  readonly found: Entries;
  readonly right: Entries;
  readonly after: Entries;
  readonly now: Entries;
}

describe.runIf(hasChromium)("the creation of a model in Chromium", () => {
  const folder = path.resolve("node_modules/.cache/cnxc-start");
  let browser: Browser | null = null;
  let page: Page;
  beforeAll(async () => {
    browser = await launchChromium();
    fs.rmSync(folder, { recursive: true, force: true });
    const spec = ["specs/micro.cnx", "-w", "random:1", "-t", "wgsl", "-o"];
    for (const model of ["micro", "micro_features"])
      expect(await cnxc(["compile", ...spec, path.join(folder, model), "-m", model])).toMatchObject({ code: 0 });
    const below = (at: string, as: string) =>
      fs
        .readdirSync(at, { recursive: true, encoding: "utf8" })
        .filter(file => /\.(js|safetensors)$/.test(file))
        .map(file => [`${as}/${file}`, fs.readFileSync(path.join(at, file))] as const);
    const imports = JSON.stringify({ imports: { "cnxc/runtime": "/runtime/index.js" } });
    page = await openPage(browser, {
      "index.html": `<!doctype html><title>cnxc</title><script type="importmap">${imports}</script>`,
      "page.js": script,
      "other.safetensors": fs.readFileSync(path.join(folder, "micro_features/micro_features/weights.safetensors")),
      ...Object.fromEntries([
        ...below(path.resolve("dist/runtime"), "runtime"),
        ...below(path.join(folder, "micro/micro"), "micro"),
      ]),
    });
  });
  afterAll(() => browser?.close());

  const inPage = <T>(expression: string): Promise<T> => page.evaluate(`import("/page.js").then(m => m.${expression})`);

  test("progress begins before any pipeline is there, above zero", async () => {
    const { first } = await inPage<Ending>("aborted(0)");
    expect(first).toMatchObject({ made: 0 });
    expect(first?.loaded).toBeGreaterThan(0);
  });

  test("an abort is the end at once, while pipelines are still being compiled", async () => {
    const { end, asked, made, uncaught } = await inPage<Ending>("aborted(50)");
    expect(end).toBe("AbortError: the creation of micro was aborted");
    expect(made).toBeLessThan(asked);
    expect(uncaught).toEqual([]);
  });

  test("so is the end of the device, whatever is awaited then", async () => {
    const whole = await inPage<Ending>("destroyed(-1)");
    expect(whole.end).toBe("made");
    const { asked, events } = whole;
    for (const at of [0, Math.floor(asked / 4), asked, events - 1]) {
      const { end, made, uncaught } = await inPage<Ending>(`destroyed(${at})`);
      expect(end).toMatch(/^DeviceLostError: the GPU device was lost/);
      if (at < asked / 2) expect(made).toBeLessThan(asked);
      expect(uncaught).toEqual([]);
    }
  });

  test("tensors that are missing, short or foreign are named before a pipeline is made", async () => {
    const { ends, last } = await inPage<{ ends: Readonly<Record<string, Ending>>; last: string }>("wrong()");
    const said: Readonly<Record<string, string>> = {
      none: "no weights for 'downsample_layers.0.0.",
      "the last": `no weights for '${last}'`,
      "a short one": `'${last}' [10] takes a Float32Array of 10 values, not 9 values`,
      doubles: `'${last}' [10] takes a Float32Array of 10 values, not a object`,
      null: "weights are tensors by name, or a function of their names, not null",
      number: "not a number",
      fetched: "no weights for 'norm.",
      "a promise": "no weights for 'downsample_layers.0.0.",
      "an address": "no weights for 'norm.",
    };
    for (const [name, { end, asked, made }] of Object.entries(ends)) {
      expect(end, name).toMatch(/^WeightsError: /);
      expect(end, name).toContain(said[name]);
      // What is only promised comes while pipelines are being compiled, and from an address when some may have been.
      if (name === "an address") expect(made, name).toBeLessThan(asked);
      else expect(name === "a promise" ? made : asked, name).toBe(0);
    }
  });

  test("a file is kept from one visit to the next, by its hash", async () => {
    const asked: string[] = [];
    const note = (request: Request) => void asked.push(new URL(request.url()).pathname);
    page.on("request", note);
    const { sha256, bytes, plain, ...found } = await inPage<Kept>("kept()");
    page.off("request", note);
    const file = path.join(folder, "micro/micro/weights.safetensors");
    expect(sha256).toBe(createHash("sha256").update(fs.readFileSync(file)).digest("hex"));
    expect(bytes).toBe(fs.statSync(file).size);
    const kept = [["/micro/weights.safetensors", sha256]];
    const ends = {
      "a hash of another file": `WeightsError: /micro/weights.safetensors has the SHA-256 ${sha256}, not ${"0".repeat(64)}`,
      "a cache and no hash":
        "InputError: a cache keeps /micro/weights.safetensors by its sha256, which is not given: " +
        "weights.js beside the model says it, and cnxc weights inspect",
      "broken in the cache": expect.stringMatching(/^WeightsError: /),
      "and then": "read",
      "beside an older file": "read",
    };
    expect(found).toEqual({
      ...{ first: plain, second: plain, third: plain, found: kept, right: kept, after: [], now: kept },
      ...{ loaded: bytes, total: bytes, ends },
    });
    // Without a cache, at first, of the wrong hash, after the broken one, and beside an older one.
    expect(asked.filter(path => path === "/micro/weights.safetensors")).toHaveLength(5);
  });

  test("a mistake is an InputError with its remedy", async () => {
    const ends = await inPage<readonly string[]>("mistakes()");
    for (const end of ends.slice(0, 3))
      expect(end).toBe("InputError: micro takes a GPUDevice: requestDevice gives one");
    for (const end of ends.slice(3, 6))
      expect(end).toBe("InputError: requestDevice takes the descriptor of a model, or a list of them");
    expect(ends[6]).toMatch(/^WeightsError: no weights for /);
  });
});
