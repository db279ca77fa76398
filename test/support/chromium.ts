import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { type Browser, chromium, type Page } from "playwright-core";
import { cached } from "../../src/node/files/cache.ts";
import { untar } from "../../src/node/gpu/ustar.ts";
import { findPackage } from "../../src/node/process/packages.ts";

const decompress = promisify(brotliDecompress);
const packed = path.join(findPackage("@sparticuz/chromium")?.folder ?? "", "bin");

/** Whether the browser that npm brings runs here at all: it is built for Linux on x64. */
export const hasChromium = process.platform === "linux" && process.arch === "x64" && fs.existsSync(packed);

/** The browser with its own SwiftShader beside it, unpacked once. */
async function unpack(): Promise<string> {
  const archives = ["chromium.br", "swiftshader.tar.br", "al2023.tar.br"].map(name => path.join(packed, name));
  const sizes = archives.map(file => `${path.basename(file)} ${fs.statSync(file).size}`).join("\n");
  const version = fs.readFileSync(path.join(packed, "..", "package.json"), "utf8");
  const key = createHash("sha256").update(`${version}\n${sizes}`).digest();
  const modules = path.resolve(packed, "..", "..", "..");
  return cached(modules, "chromium", key, async folder => {
    const [browser = "", ...libraries] = archives;
    fs.writeFileSync(path.join(folder, "chromium"), await decompress(fs.readFileSync(browser)), { mode: 0o755 });
    for (const archive of libraries)
      for (const { name, data } of untar(await decompress(fs.readFileSync(archive)))) {
        fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
        fs.writeFileSync(path.join(folder, name), data, { mode: 0o755 });
      }
  });
}

/** Where Debian and others keep it; without it the copy of the package serves. */
const hasNss = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"].some(folder =>
  fs.existsSync(path.join(folder, "libnss3.so")),
);

/** A headless Chromium with WebGPU on SwiftShader. Close it. */
export async function launchChromium(): Promise<Browser> {
  const folder = await unpack();
  return chromium.launch({
    executablePath: path.join(folder, "chromium"),
    headless: true,
    chromiumSandbox: false,
    args: ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"],
    env: {
      ...definedEnvironment(),
      ...(hasNss ? {} : { LD_LIBRARY_PATH: path.join(folder, "lib") }),
    },
  });
}

const definedEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );

const origin = "https://cnxc.test";
const types: Readonly<Record<string, string>> = {
  ".js": "text/javascript",
  ".html": "text/html",
  ".json": "application/json",
};

/** A page of a secure context, where WebGPU is, that finds these files on its server. Nothing goes over a network. */
export async function openPage(
  browser: Browser,
  files: Readonly<Record<string, string | Uint8Array>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Page> {
  const page = await browser.newPage();
  const all: Readonly<Record<string, string | Uint8Array>> = {
    "index.html": "<!doctype html><title>cnxc</title>",
    ...files,
  };
  await page.route(`${origin}/**`, route => {
    const name = new URL(route.request().url()).pathname.slice(1) || "index.html";
    const body = all[name];
    if (body === undefined) return route.fulfill({ status: 404 });
    const contentType = types[path.extname(name)] ?? "application/octet-stream";
    return route.fulfill({ body: Buffer.from(body as string), contentType, headers: { ...headers } });
  });
  await page.goto(`${origin}/`);
  return page;
}
