// @ts-check
// Builds dist/: `node scripts/build.mjs`, or with `--if-stale` only when an input has changed since the last build.
// The output is made in a folder of its own and then copied file by file where it differs, so that programs that run out
// of dist/ meanwhile never find it half empty.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { bundleFit, bundleOnnx, measureRuntime } from "./bundle.mjs";

const root = path.resolve(import.meta.dirname, "..");
const dist = path.join(root, "dist");
const stampFile = path.join(dist, ".stamp");
const inputs = ["src", "templates", "scripts/build.mjs", "scripts/bundle.mjs", "scripts/embed-templates.mjs"];
const manifests = ["package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json"];

/** Every file below a path, as sorted paths relative to the root. */
const filesBelow = (/** @type {string} */ at) => {
  const full = path.join(root, at);
  if (!fs.existsSync(full)) return [];
  if (fs.statSync(full).isFile()) return [at];
  return fs
    .readdirSync(full, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => path.relative(root, path.join(entry.parentPath, entry.name)))
    .sort();
};

const inputHash = () => {
  const hash = createHash("sha256").update(process.version);
  for (const file of [...inputs, ...manifests].flatMap(filesBelow)) {
    const bytes = fs.readFileSync(path.join(root, file));
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
};

const isFresh = (/** @type {string} */ hash) =>
  fs.existsSync(stampFile) &&
  fs.readFileSync(stampFile, "utf8") === hash &&
  fs.existsSync(path.join(dist, "node", "cli.js"));

/** One build at a time: whoever finds the lock waits for it, and takes it over from a process that is gone. */
const withLock = async (/** @type {() => Promise<void>} */ work) => {
  const lock = path.join(root, "node_modules", ".cache", "cnxc-build.lock");
  fs.mkdirSync(path.dirname(lock), { recursive: true });
  for (;;) {
    try {
      fs.writeFileSync(lock, String(process.pid), { flag: "wx" });
      break;
    } catch {
      if (!holderLives(lock)) fs.rmSync(lock, { force: true });
      else await new Promise(resolve => setTimeout(resolve, 100));
    }
  }
  try {
    await work();
  } finally {
    fs.rmSync(lock, { force: true });
  }
};

const holderLives = (/** @type {string} */ lock) => {
  try {
    const holder = Number(fs.readFileSync(lock, "utf8"));
    if (holder === 0) return Date.now() - fs.statSync(lock).mtimeMs < 2000; // its number is still being written
    process.kill(holder, 0);
    return true;
  } catch {
    return false;
  }
};

/** Makes `to` equal to `from`, touching only what differs. */
const mirror = (/** @type {string} */ from, /** @type {string} */ to) => {
  const wanted = filesBelow(path.relative(root, from)).map(file => path.relative(from, path.join(root, file)));
  for (const file of wanted) {
    const [source, target] = [path.join(from, file), path.join(to, file)];
    const same =
      fs.existsSync(target) &&
      fs.readFileSync(source).equals(fs.readFileSync(target)) &&
      fs.statSync(source).mode === fs.statSync(target).mode;
    if (same) continue;
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.renameSync(source, target);
  }
  const keep = new Set(wanted);
  for (const file of filesBelow(path.relative(root, to))) {
    const relative = path.relative(to, path.join(root, file));
    if (!keep.has(relative)) fs.rmSync(path.join(to, relative));
  }
};

const build = async (/** @type {string} */ hash) => {
  const temp = path.join(root, "node_modules", ".cache", `cnxc-build-${process.pid}`);
  fs.rmSync(temp, { recursive: true, force: true });
  try {
    const tsc = path.join(root, "node_modules", "typescript", "bin", "tsc");
    const emitted = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json", "--outDir", temp], {
      cwd: root,
      stdio: ["ignore", 2, 2],
    });
    const cli = path.join(temp, "node", "cli.js");
    if (fs.existsSync(cli)) fs.chmodSync(cli, 0o755);
    const problems = [
      emitted.status === 0 ? null : "there are type errors, see above",
      await bundleOnnx(root, temp),
      await bundleFit(temp),
      await measureRuntime(root),
    ].filter(problem => problem !== null);
    if (problems.length === 0) fs.writeFileSync(path.join(temp, ".stamp"), hash);
    mirror(temp, dist);
    return problems;
  } finally {
    fs.rmSync(temp, { recursive: true, force: true });
  }
};

const ifStale = process.argv.includes("--if-stale");
await withLock(async () => {
  const hash = inputHash();
  if (ifStale && isFresh(hash)) return;
  const problems = await build(hash);
  for (const problem of problems) console.error(`build: ${problem}`);
  // dist/ is written all the same. A test run may go on with it; a build, and `npm run check`, may not.
  if (problems.length > 0 && !ifStale) process.exitCode = 1;
});
