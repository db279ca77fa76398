// @ts-check
// From a page's address to its first answer, and the bytes that it takes: atto for pictures of 96 x 96 and 20 classes in headless
// Chromium, whose WebGPU is SwiftShader, against the same graph in a page of onnxruntime-web (wasm, one thread). Each page in a
// browser of its own, in turns; both must give the same logits. Bytes are those of files as a server sends them: text and wasm
// compressed with gzip, weights as they are. Processor time of the browser is printed beside.
//   npm run bench -- page
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as http from "node:http";
import * as os from "node:os";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { median, relL2 } from "./onnx.mjs";

/** @typedef {import("./onnx.mjs").Row} Row */
/** @typedef {{ ms: number, bytes: number, seconds: number, logits: number[] }} Answer */

const root = path.resolve(import.meta.dirname, "..");
const turns = 5;
const pixels = 3 * 96 * 96;
const spec = `model flowers {
  depths [2, 2, 6, 2]
  dims   [40, 80, 160, 320]
  input  96x96x3
  head   classifier { classes 20 }
}
`;

/** @returns {Promise<Row[]>} */
export const rows = async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "cnxc-page-"));
  const { launchChromium, npmPackages } = await support(folder);
  const ort = npmPackages({ "onnxruntime-web": "1.30.0" });
  if (ort === null) throw new Error("npm cannot fetch onnxruntime-web here");
  const found = /** @type {Row[]} */ ([]);
  for (const dtype of ["f32", "f16"]) {
    const site = path.join(folder, dtype);
    await written(site, dtype, path.join(ort, "node_modules", "onnxruntime-web", "dist"));
    const answers = /** @type {Record<"ours" | "ort", Answer[]>} */ ({ ours: [], ort: [] });
    for (let turn = 0; turn < turns; turn++) {
      const order = /** @type {const} */ (turn % 2 === 0 ? ["ours", "ort"] : ["ort", "ours"]);
      for (const who of order) answers[who].push(await open(launchChromium, site, who));
    }
    const off = relL2(Float32Array.from(answers.ours[0]?.logits ?? []), answers.ort[0]?.logits ?? []);
    if (!(off < (dtype === "f32" ? 1e-5 : 5e-3))) throw new Error(`the pages answer differently in ${dtype}: ${off}`);
    const of = (/** @type {"ours" | "ort"} */ who, /** @type {"ms" | "bytes" | "seconds"} */ what) =>
      median(answers[who].map(answer => answer[what]));
    console.error(
      `page, ${dtype}: ${of("ours", "seconds").toFixed(1)} s of processor time, onnxruntime-web ${of("ort", "seconds").toFixed(1)} s`,
    );
    const compared = { adapter: "swiftshader", peer: "onnxruntime-web" };
    const [ours_ms, peer_ms] = [of("ours", "ms"), of("ort", "ms")];
    const [ours, peer] = [of("ours", "bytes") / 1e6, of("ort", "bytes") / 1e6];
    found.push({ case: `${dtype}, page to first answer`, ...compared, ours_ms, peer_ms, ratio: peer_ms / ours_ms });
    found.push({ case: `${dtype}, MB on the wire`, ...compared, ours_ms: ours, peer_ms: peer, ratio: peer / ours });
  }
  return found;
};

/** What tests open browsers and fetch packages with. */
async function support(/** @type {string} */ folder) {
  const outfile = path.join(root, "node_modules", ".cache", "cnxc-bench", "support.mjs");
  const contents = `export * from "./test/support/chromium.ts"; export * from "./test/support/npm-packages.ts";`;
  const options = /** @type {const} */ ({ bundle: true, platform: "node", format: "esm", packages: "external" });
  await build({ stdin: { contents, resolveDir: root }, outfile, ...options, logLevel: "error" });
  fs.mkdirSync(folder, { recursive: true });
  return import(pathToFileURL(outfile).href);
}

/** Both pages of a storage type, and all that they load. */
async function written(/** @type {string} */ site, /** @type {string} */ dtype, /** @type {string} */ ort) {
  fs.mkdirSync(site, { recursive: true });
  const file = `${site}.cnx`;
  fs.writeFileSync(file, spec);
  const words = ["compile", file, "-t", "wgsl,onnx", "--dtype", dtype, "-w", "random:1", "-o", site];
  const { status, stderr } = spawnSync(process.execPath, [path.join(root, "dist/node/cli.js"), ...words]);
  if (status !== 0) throw new Error(String(stderr));
  const image = Float32Array.from({ length: pixels }, (_, i) => Math.sin(i * 0.7));
  fs.writeFileSync(path.join(site, "image.bin"), new Uint8Array(image.buffer));
  fs.writeFileSync(path.join(site, "ours.ts"), ours);
  await build({
    entryPoints: [path.join(site, "ours.ts")],
    outdir: path.join(site, "app"),
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: "es2022",
    logLevel: "error",
    alias: { "cnxc/runtime": path.join(root, "dist/runtime/index.js") },
  });
  fs.writeFileSync(path.join(site, "ours.html"), html("app/ours.js"));
  for (const file of ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"])
    fs.copyFileSync(path.join(ort, file), path.join(site, file));
  fs.writeFileSync(
    path.join(site, "ort.js"),
    peers.replace("model.onnx", dtype === "f32" ? "model.onnx" : "model_fp16.onnx"),
  );
  fs.writeFileSync(path.join(site, "ort.html"), html("ort.js"));
}

const html = (/** @type {string} */ script) =>
  `<!doctype html><title>flowers</title><script type="module">
import("/${script}").catch(cause => { globalThis.answer = { failed: String(cause) }; });
</script>\n`;

const ours = `import { requestDevice } from "cnxc/runtime";
import { createModel, descriptor } from "./flowers/flowers.js";
const image = fetch("/image.bin").then(r => r.arrayBuffer());
const device = await requestDevice(descriptor);
const model = await createModel({ device, weights: "/flowers/weights.safetensors" });
const { logits } = await model.run({ pixel_values: new Float32Array(await image) });
globalThis.answer = { ms: performance.now(), logits: [...logits] };
`;

const peers = `import * as ort from "/ort.wasm.min.mjs";
ort.env.wasm.numThreads = 1;
const image = fetch("/image.bin").then(r => r.arrayBuffer());
const session = await ort.InferenceSession.create("/flowers/onnx/model.onnx", { executionProviders: ["wasm"] });
const pixels = new ort.Tensor("float32", new Float32Array(await image), [1, 3, 96, 96]);
const { logits } = await session.run({ pixel_values: pixels });
globalThis.answer = { ms: performance.now(), logits: [...logits.data] };
`;

const types = /** @type {Record<string, string>} */ ({
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".html": "text/html",
  ".wasm": "application/wasm",
});
const compressed = /** @type {Map<string, Buffer>} */ (new Map());

/** One page in a browser of its own. @returns {Promise<Answer>} */
async function open(
  /** @type {() => Promise<import("playwright-core").Browser>} */ launch,
  /** @type {string} */ site,
  /** @type {string} */ who,
) {
  let bytes = 0;
  const server = http.createServer(({ url = "/" }, response) => {
    const file = path.join(site, path.normalize(new URL(url, "http://page").pathname));
    if (!fs.existsSync(file)) return response.writeHead(404).end();
    const type = types[path.extname(file)];
    const body =
      type === undefined
        ? fs.readFileSync(file)
        : (compressed.get(file) ?? gzipSync(fs.readFileSync(file), { level: 9 }));
    if (type !== undefined) compressed.set(file, body);
    bytes += path.basename(file) === "image.bin" ? 0 : body.length;
    const encoding = type === undefined ? {} : { "content-encoding": "gzip" };
    return response.writeHead(200, { "content-type": type ?? "application/octet-stream", ...encoding }).end(body);
  });
  await new Promise(ready => server.listen(0, "127.0.0.1", () => ready(null)));
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  const browser = await launch();
  try {
    const page = await browser.newPage();
    await page.goto("about:blank");
    const before = descendantSeconds();
    await page.goto(`http://localhost:${address.port}/${who}.html`);
    await page.waitForFunction("globalThis.answer", null, { timeout: 60_000 });
    const seconds = descendantSeconds() - before;
    const answer = /** @type {{ ms: number, logits: number[], failed?: string }} */ (
      await page.evaluate("globalThis.answer")
    );
    if (answer.failed !== undefined) throw new Error(`the page ${who}.html: ${answer.failed}`);
    const { ms, logits } = answer;
    return { ms, logits, bytes, seconds };
  } finally {
    await browser.close();
    server.close();
  }
}

/** Processor time of all processes that this one has started, and that they have. */
function descendantSeconds() {
  const processes = new Map(
    fs.readdirSync("/proc").flatMap(pid => {
      if (!/^\d+$/.test(pid)) return [];
      try {
        const text = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
        const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
        const ticks = Number(fields[11]) + Number(fields[12]);
        return [/** @type {const} */ ([pid, { parent: fields[1] ?? "", ticks }])];
      } catch {
        return []; // it has ended
      }
    }),
  );
  const isOurs = (/** @type {string} */ pid) => {
    for (let at = processes.get(pid)?.parent; at !== undefined; at = processes.get(at)?.parent)
      if (at === String(process.pid)) return true;
    return false;
  };
  return [...processes].reduce((sum, [pid, { ticks }]) => sum + (isOurs(pid) ? ticks : 0), 0) / 100;
}
