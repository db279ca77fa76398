// @ts-check
// All eight published sizes for both targets, one process from start to end, into an empty folder: wall time and peak
// memory against the budget.
//   npm run bench -- compile
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { median } from "./onnx.mjs";

/** @typedef {import("./onnx.mjs").Row} Row */

const root = path.resolve(import.meta.dirname, "..");
const budget = { ms: 2500, mebibytes: 400 };
/** Prints the peak memory of its process when it ends. */
const preload = `if (require("worker_threads").isMainThread) process.on("exit", () => require("fs").writeSync(3, String(process.resourceUsage().maxRSS)));`;

/** @returns {Promise<Row[]>} */
export const rows = async (rounds = 7) => {
  const runs = Array.from({ length: rounds + 1 }, once).slice(1);
  const ours_ms = median(runs.map(({ ms }) => ms));
  const mebibytes = median(runs.map(({ kibibytes }) => kibibytes / 1024));
  const name = "eight sizes, wgsl and onnx";
  return [
    { case: `${name}, ms`, adapter: "node", ours_ms, peer: "budget", peer_ms: budget.ms, ratio: budget.ms / ours_ms },
    {
      case: `${name}, MiB at most`,
      adapter: "node",
      ours_ms: mebibytes,
      peer: "budget",
      peer_ms: budget.mebibytes,
      ratio: budget.mebibytes / mebibytes,
    },
  ];
};

const once = () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "cnxc-bench-"));
  const script = path.join(folder, "preload.cjs");
  fs.writeFileSync(script, preload);
  const cli = path.join(root, "dist/node/cli.js");
  const spec = path.join(root, "specs/convnextv2.cnx");
  const start = performance.now();
  const child = spawnSync(
    process.execPath,
    ["--require", script, cli, "compile", spec, "-t", "wgsl,onnx", "-o", path.join(folder, "out")],
    {
      stdio: ["ignore", "ignore", "inherit", "pipe"],
    },
  );
  const ms = performance.now() - start;
  if (child.status !== 0) throw new Error(`the compiler ended with ${child.status}`);
  fs.rmSync(folder, { recursive: true });
  return { ms, kibibytes: Number(child.output[3]) };
};
