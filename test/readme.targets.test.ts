import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import { expect, test } from "vitest";
import { f32Tensor, writeSafetensors } from "../src/weights/formats/safetensors.ts";
import { filesBelow } from "./support/bundlers.ts";
import { hasChromium, launchChromium, openPage } from "./support/chromium.ts";
import { newFolder } from "./support/folders.ts";
import { goldenParams, goldenWeights, readGolden } from "./support/golden.ts";
import { writePng } from "./support/png.ts";

const root = path.resolve(import.meta.dirname, "..");
const manifest = createRequire(import.meta.url)("../package.json") as {
  readonly dependencies: Readonly<Record<string, string>>;
};

/** What differs from machine to machine: errors and times of a run, and the module that is worst. */
const measured = /\bstages\.[\w.]+|\b\d\.\de-\d+|\b\d+\.\d\b/g;
const withoutFigures = (text: string): string => text.replaceAll(measured, "…").replaceAll(/ +/g, " ");

/** What an import remarks on configs of transformers; the page shows what goes to standard output. */
const remark = /^layer_norm_eps 1e-12 is transformers' .*\n/m;

/** Node's own packages, `npx` and the system; nothing that this test run was started with. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|FORCE_COLOR$|VITEST)/.test(name)),
);

/**
 * Somebody who has the checkout in `cnxc` and does what README.md says, in its order. npm would load packages from its
 * registry; here they are linked from the checkout, each only once the page has said to install it.
 */
class Newcomer {
  readonly #home = newFolder();
  #folder = path.join(this.#home, "cnxc");

  constructor() {
    fs.mkdirSync(this.#folder);
  }

  save(file: string, text: string | Uint8Array): void {
    fs.mkdirSync(path.dirname(path.join(this.#folder, file)), { recursive: true });
    fs.writeFileSync(path.join(this.#folder, file), text);
  }

  /** All files below the folder but what npm has put there. */
  files(): Readonly<Record<string, Uint8Array>> {
    const all = Object.entries(filesBelow(this.#folder));
    return Object.fromEntries(all.filter(([file]) => !file.startsWith("node_modules")));
  }

  /** Does what a line says and gives what it prints, where the page shows that. */
  type(line: string): string {
    const [, folder] = /^mkdir (\S+) && cd \1$/.exec(line) ?? [];
    const [, wanted] = /^npm install (?:--ignore-scripts )?(\S+)$/.exec(line) ?? [];
    if (line === "npm run build && npm pack") this.#pack();
    else if (folder !== undefined) this.#enter(folder);
    else if (wanted?.endsWith(".tgz")) this.#unpack(wanted);
    else if (wanted !== undefined) this.link(wanted);
    else if (line.startsWith("npx cnxc ")) return this.#run(line);
    else throw new Error(`README.md says '${line}', which this test does not know how to do`);
    return "";
  }

  /** `npm test` has built it. */
  #pack(): void {
    const words = ["pack", "--pack-destination", this.#folder];
    expect(spawnSync("npm", words, { cwd: root, encoding: "utf8" }).status).toBe(0);
  }

  #enter(folder: string): void {
    this.#folder = path.resolve(this.#folder, folder);
    fs.mkdirSync(this.#folder);
  }

  #unpack(archive: string): void {
    const at = path.join(this.#folder, "node_modules/cnxc");
    fs.mkdirSync(at, { recursive: true });
    const words = ["-xzf", path.resolve(this.#folder, archive), "--strip-components=1", "-C", at];
    expect(spawnSync("tar", words, { encoding: "utf8" }).stderr).toBe("");
    for (const name of Object.keys(manifest.dependencies)) this.link(name);
    fs.mkdirSync(path.join(this.#folder, "node_modules/.bin"));
    fs.symlinkSync("../cnxc/dist/node/cli.js", path.join(this.#folder, "node_modules/.bin/cnxc"));
    fs.writeFileSync(path.join(this.#folder, "package.json"), "{}");
  }

  link(name: string): void {
    const at = path.join(this.#folder, "node_modules", name);
    fs.mkdirSync(path.dirname(at), { recursive: true });
    fs.symlinkSync(path.join(root, "node_modules", name), at, "dir");
  }

  #run(line: string): string {
    const { code, stdout, stderr } = this.try(line);
    expect([line, stderr.replace(remark, ""), code]).toEqual([line, "", 0]);
    return stdout;
  }

  /** Runs a command that may fail. */
  try(line: string): { readonly code: number | null; readonly stdout: string; readonly stderr: string } {
    const options = { cwd: this.#folder, encoding: "utf8", env: { ...environment, NO_COLOR: "1" } } as const;
    const { status, stdout, stderr } = spawnSync("sh", ["-c", line], options);
    return { code: status, stdout, stderr };
  }
}

const text = fs.readFileSync(path.join(root, "README.md"), "utf8");

/** What the page says to save from the hub: the published config's fields, and weights of the same shapes. */
async function published(): Promise<Readonly<Record<string, string | Uint8Array>>> {
  const golden = readGolden("dense/atto-224x224-b1");
  const weights = goldenWeights(golden);
  const params = goldenParams(golden).map(({ name, shape }) => f32Tensor(name, shape, () => weights.f32(name)));
  const parts: Uint8Array[] = [];
  for await (const part of writeSafetensors(params)) parts.push(part);
  const config = {
    architectures: ["ConvNextV2ForImageClassification"],
    model_type: "convnextv2",
    depths: [2, 2, 6, 2],
    hidden_sizes: [40, 80, 160, 320],
    image_size: 224,
    id2label: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [i, `kind ${i}`])),
  };
  return { "atto/config.json": JSON.stringify(config), "atto/model.safetensors": Buffer.concat(parts) };
}

/** A fenced block of one of these languages, and what opens it. */
const block = /```(sh|cnx|console)\n(.*?)```\n/gs;

test("README.md can be followed to the letter, and every command prints what it shows", {
  timeout: 900_000,
}, async () => {
  const newcomer = new Newcomer();
  const saved = await published();
  const [contract] = [...text.matchAll(block)];
  expect(contract?.[2]).toMatch(/^npm ci && npm start .*\nnpm ci && npm test .*\n$/); // .ci/run does these

  const followed = text.replaceAll(block, (whole, language: string, body: string, at: number) => {
    if (at === contract?.index) return whole;
    if (language === "cnx") newcomer.save(/Save this as `(\S+)`/.exec(text)?.[1] ?? "", body);
    if (language === "sh") for (const line of body.trimEnd().split("\n")) newcomer.type(line);
    if (language !== "console") return whole;
    if (body.includes("atto/config.json")) for (const [file, data] of Object.entries(saved)) newcomer.save(file, data);
    const shown = body.split(/^\$ /m).slice(1);
    const printed = shown.map(part => {
      const [line = ""] = part.split("\n");
      const output = `${line}\n${newcomer.type(line)}`;
      return line.startsWith("npx cnxc verify ") && withoutFigures(output) === withoutFigures(part) ? part : output;
    });
    return `\`\`\`console\n${printed.map(part => `$ ${part}`).join("")}\`\`\`\n`;
  });
  await expect(followed).toMatchFileSnapshot("../README.md"); // vitest -u writes what is printed now
  if (hasChromium) await expectLabel(newcomer);
});

/** Its page shows the label that the command gives the same picture. */
async function expectLabel(newcomer: Newcomer): Promise<void> {
  const colours = Array.from({ length: 300 * 250 }, (_, i) => [i % 256, (i * 7) % 256, (i >> 8) % 256, 255]);
  const picture = writePng({ width: 300, height: 250, data: Buffer.from(colours.flat()) });
  newcomer.save("cat.png", picture);
  newcomer.link("@jsquash/png");
  const classified = newcomer.type("npx cnxc classify atto.cnx -w atto/model.safetensors --on onnx --json cat.png");
  const [compile = ""] = /^npx cnxc compile atto\.cnx .*$/m.exec(text.replaceAll("$ ", "")) ?? [];
  newcomer.type(compile);
  const [, html = ""] = /```html\n(.*?)```/s.exec(text) ?? [];
  const browser = await launchChromium();
  const page = await openPage(browser, { ...newcomer.files(), "index.html": html });
  await page.waitForFunction("document.querySelector('input').onchange !== null", null, { timeout: 300_000 });
  await page.setInputFiles("input", { name: "cat.png", mimeType: "image/png", buffer: picture });
  await page.waitForFunction("document.querySelector('output').value !== ''", null, { timeout: 300_000 });
  const label = await page.locator("output").textContent();
  await browser.close();
  expect(label).toBe(JSON.parse(classified).result.images[0].classes[0].label);
}

test("without the optional packages, commands name what README.md says to install", { timeout: 300_000 }, () => {
  const newcomer = new Newcomer();
  const [, install = ""] = [...text.matchAll(/```sh\n(.*?)```\n/gs)].map(([, body]) => body);
  for (const line of install.trimEnd().split("\n")) newcomer.type(line);
  newcomer.save("thumbs.cnx", /```cnx\n(.*?)```/s.exec(text)?.[1] ?? "");
  const names = (options: string, remedy: string) => {
    const { code, stderr } = newcomer.try(`npx cnxc verify thumbs.cnx -m thumbs --on ${options}`);
    expect(stderr).toContain(remedy);
    expect(code).toBe(5);
  };
  const remedies = /npm install (?:--ignore-scripts )?(?:onnxruntime-node|webgpu|@sparticuz\/chromium@[\d.]+)/g;
  const [onnx = "", webgpu = "", swiftshader = ""] = text.match(remedies) ?? [];
  names("onnx", `which is not installed; run ${onnx} in `);
  names("webgpu", `which is not installed; run ${webgpu} in `);
  newcomer.type(webgpu);
  const hasPackage = process.platform === "linux" && process.arch === "x64";
  names("webgpu --adapter swiftshader", hasPackage ? `; run ${swiftshader} in ` : "SwiftShader cannot be used here");
});
