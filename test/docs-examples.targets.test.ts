import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findAdapter } from "../src/node/gpu/adapters.ts";
import { filesBelow } from "./support/bundlers.ts";
import { hasChromium, launchChromium, openPage } from "./support/chromium.ts";
import { cnxc } from "./support/cli.ts";
import { newFolder } from "./support/folders.ts";
import { full } from "./support/full.ts";
import { npmPackages } from "./support/npm-packages.ts";
import { writePng } from "./support/png.ts";
import { hasSwiftShader } from "./support/webgpu-process.ts";

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const source = path.resolve("docs/examples");
const examples = fs.readdirSync(source, { withFileTypes: true }).filter(entry => entry.isDirectory());
/** What the pages looked like, to be looked at. */
const screenshots = path.resolve("node_modules/.cache/cnxc-examples");

/** What npm fetches for an example, and is no dependency of the checkout. */
const fetched: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  vite: { vite: "8.4.0" },
  react: { vite: "8.4.0", react: "19.3.1", "react-dom": "19.3.1" },
  deno: { deno: "2.9.6" },
};

/** An example as somebody has it who copied the folder and let npm install what its package.json names. */
function copied(name: string, skip: (note: string) => never): string {
  const folder = newFolder();
  fs.cpSync(source, folder, { recursive: true, filter: file => !/\/(node_modules|out|generated|dist)$/.test(file) });
  const text = fs.readFileSync(path.join(folder, name, "package.json"), "utf8");
  const { dependencies, devDependencies } = JSON.parse(text) as Manifest;
  const from = fetched[name] === undefined ? path.resolve(".") : npmPackages(fetched[name]);
  if (from === null) skip(`npm cannot fetch what docs/examples/${name} needs`);
  const bin = path.join(folder, "node_modules/.bin");
  fs.mkdirSync(bin, { recursive: true });
  for (const wanted of Object.keys({ ...dependencies, ...devDependencies })) {
    const found = [path.join(from, "node_modules", wanted), path.resolve("node_modules", wanted)].find(fs.existsSync);
    const real = wanted === "cnxc" ? path.resolve(".") : (found ?? "");
    fs.symlinkSync(real, path.join(folder, "node_modules", wanted), "dir");
    const { bin: commands = {} } = JSON.parse(fs.readFileSync(path.join(real, "package.json"), "utf8"));
    for (const [command, script] of Object.entries(typeof commands === "string" ? { [wanted]: commands } : commands))
      fs.symlinkSync(path.join(real, String(script)), path.join(bin, command));
  }
  return path.join(folder, name);
}

function npm(folder: string, words: readonly string[], environment: Readonly<Record<string, string>> = {}): string {
  const env = { ...process.env, ...environment };
  const { status, stdout, stderr } = spawnSync("npm", words, { cwd: folder, encoding: "utf8", env });
  if (status !== 0) throw new Error(`npm ${words.join(" ")}: ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** Colours that a decoder or a resampling that went wrong would not keep. */
const [width, height] = [90, 70];
const colours = Array.from({ length: width * height }, (_, i) => {
  const [x, y] = [i % width, Math.floor(i / width)];
  return [x * 2.8, y * 3.6, (x * y) % 256, 255];
});
const picture = writePng({ width, height, data: Buffer.from(colours.flat()) });

/** What the command says of the picture. */
async function expected(): Promise<readonly { readonly label: string; readonly probability: number }[]> {
  const file = path.join(newFolder(), "picture.png");
  fs.writeFileSync(file, picture);
  const words = ["classify", "docs/examples/pets.cnx", "-w", "random:1", "--on", "reference", "--json", file];
  return JSON.parse((await cnxc(words)).stdout).result.images[0].classes.slice(0, 3);
}

async function expectKinds(lines: readonly string[]): Promise<void> {
  const kinds = await expected();
  const found = lines.map(line => line.split(" "));
  expect(found.map(([label]) => label)).toEqual(kinds.map(({ label }) => label));
  for (const [i, { probability }] of kinds.entries())
    expect(Math.abs(Number(found[i]?.[1]) - probability)).toBeLessThan(1e-3);
}

test("each example has at most 30 lines of its own", () => {
  expect(examples.map(({ name }) => name).sort()).toEqual(["deno", "html", "node", "react", "vite", "worker"]);
  for (const { name } of examples) {
    const files = fs.readdirSync(path.join(source, name)).filter(file => file !== "package.json");
    const lines = files.flatMap(file =>
      fs
        .readFileSync(path.join(source, name, file), "utf8")
        .trimEnd()
        .split("\n"),
    );
    expect(lines.length, name).toBeLessThanOrEqual(30);
  }
});

let browser: Browser | null = null;
beforeAll(async () => {
  browser = hasChromium ? await launchChromium() : null;
  fs.mkdirSync(screenshots, { recursive: true });
});
afterAll(() => browser?.close());

describe.runIf(hasChromium)("a page shows what the command says of a picture", () => {
  // React's is built by Vite too.
  const folders = { html: ".", worker: ".", react: "dist", ...(full ? { vite: "dist" } : {}) };
  test.for(Object.entries(folders))("%s", { timeout: 600_000 }, async ([name, served], { skip }) => {
    if (browser === null) throw new Error("the browser did not start");
    const folder = copied(name, skip);
    npm(folder, ["run", "build"]);
    const page = await openPage(browser, filesBelow(path.join(folder, served)));
    const errors: string[] = [];
    page.on("pageerror", error => errors.push(String(error)));
    await page.waitForSelector("input:not([disabled])", { timeout: 120_000 });
    await page.setInputFiles("input", { name: "picture.png", mimeType: "image/png", buffer: picture });
    await page.waitForSelector("li", { timeout: 120_000 }).catch(cause => {
      throw new Error([String(cause), ...errors].join("\n"));
    });
    const lines = await page.locator("li").allTextContents();
    for (const progress of await page.locator("progress").all()) expect(await progress.getAttribute("value")).toBe("1");
    await page.screenshot({ path: path.join(screenshots, `${name}.png`) });
    await page.close();
    await expectKinds(lines);
    expect(errors).toEqual([]);
  });
});

describe.runIf(hasSwiftShader)("a program prints what the command says of a picture", () => {
  test.for(["node", ...(full ? ["deno"] : [])])("%s", { timeout: 600_000 }, async (name, { skip }) => {
    const found = await findAdapter("swiftshader");
    if (!found.ok) throw new Error(found.diagnostics[0]?.message);
    const folder = copied(name, skip);
    fs.writeFileSync(path.join(folder, "picture.png"), picture);
    const printed = npm(folder, ["start", "--silent", "--", "picture.png"], found.value.environment)
      .trimEnd()
      .split("\n");
    await expectKinds(printed.slice(-3));
  });
});
