// @ts-check
// Runs the tests in an environment where WebGPU finds an adapter of this machine: which one has to be settled before a
// process starts. Tests read its kind from CNXC_TEST_ADAPTER, and skip visibly where there is none.
import { spawnSync } from "node:child_process";
import * as path from "node:path";

const { findAdapter } = await import("../dist/node/gpu/adapters.js");
// Some tests ask for SwiftShader themselves, so that all others see what else there is.
let found = await findAdapter("gpu");
for (const kind of /** @type {const} */ (["lavapipe", null])) if (!found.ok) found = await findAdapter(kind);
if (!found.ok) for (const { message } of found.diagnostics) console.error(`tests without WebGPU: ${message}`);
const adapter = found.ok ? { ...found.value.environment, CNXC_TEST_ADAPTER: found.value.kind } : {};
const vitest = path.resolve(import.meta.dirname, "..", "node_modules", "vitest", "vitest.mjs");
const { status, signal } = spawnSync(process.execPath, [vitest, "run", ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...process.env, ...adapter },
});
process.exitCode = signal === null ? (status ?? 1) : 1;
