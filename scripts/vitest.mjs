// @ts-check
// Runs a tier of the tests, `node scripts/vitest.mjs fast|targets|full [arguments of vitest]`, in an environment where
// WebGPU finds an adapter of this machine: which one has to be settled before a process starts. Tests read its kind from
// CNXC_TEST_ADAPTER, and skip visibly where there is none. `--changed [commit]` runs the tests nearest to what changed.
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { nearestTests } from "./nearest-tests.mjs";

const [tier = "fast", ...words] = process.argv.slice(2);
const { findAdapter } = await import("../dist/node/gpu/adapters.js");
// Some tests ask for SwiftShader themselves, so that all others see what else there is.
let found = await findAdapter("gpu");
for (const kind of /** @type {const} */ (["lavapipe", null])) if (!found.ok) found = await findAdapter(kind);
if (!found.ok) for (const { message } of found.diagnostics) console.error(`tests without WebGPU: ${message}`);
const adapter = found.ok ? { ...found.value.environment, CNXC_TEST_ADAPTER: found.value.kind } : {};

/** The words with the nearest tests in place of `--changed`. */
function chosen() {
  const at = words.indexOf("--changed");
  if (at < 0) return words;
  const commit = words[at + 1]?.startsWith("-") === false ? words[at + 1] : undefined;
  const nearest = nearestTests(commit ?? "HEAD");
  console.log(nearest === null ? "what tests share has changed: all of them" : `nearest tests: ${nearest.join(" ")}`);
  return [...words.slice(0, at), ...words.slice(at + (commit === undefined ? 1 : 2)), ...(nearest ?? [])];
}

const vitest = path.resolve(import.meta.dirname, "..", "node_modules", "vitest", "vitest.mjs");
const { status, signal } = spawnSync(process.execPath, [vitest, "run", "--mode", tier, ...chosen()], {
  stdio: "inherit",
  // Tests load ONNX Runtime in processes of vitest, where cnxc does not keep it to itself.
  env: { ...process.env, ORT_DISABLE_TELEMETRY: "1", ...adapter },
});
process.exitCode = signal === null ? (status ?? 1) : 1;
