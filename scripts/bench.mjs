// @ts-check
// npm run bench -- SUITE [--json] [--save]: times a suite of bench/ and prints its rows as a table, or with --json as one
// JSON array and nothing else. --save also writes bench/results/SUITE.json and SUITE.md.
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as os from "node:os";
import * as path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const require = createRequire(import.meta.url);
const suites = ["webgpu", "onnx", "page", "compile", "fcmae", "train", "explore"];
const [suite = "", ...flags] = process.argv.slice(2);
if (suite === "cuda" && flags[0] === "--prepare" && flags[1] !== undefined && flags.length === 2) {
  const { prepare } = await import(path.join(root, "bench/cuda/prepare.mjs"));
  await prepare(path.resolve(flags[1]));
  console.log(`${flags[1]} is ready: run bash ${flags[1]}/run.sh OUTDIR where the GPU is`);
  process.exit(0);
}
const unknown = flags.find(flag => flag !== "--json" && flag !== "--save");
if (!suites.includes(suite) || unknown !== undefined) {
  console.error(`usage: npm run bench -- SUITE [--json] [--save], where SUITE is one of ${suites.join(", ")}`);
  console.error("       npm run bench -- cuda --prepare FOLDER");
  process.exit(2);
}

/** @type {{ rows: () => Promise<import("../bench/onnx.mjs").Row[]> }} */
const { rows } = await import(path.join(root, "bench", `${suite}.mjs`));
const list = await rows();

/** What the numbers depend on. */
const machine = {
  cpu: os.cpus()[0]?.model.trim() ?? "unknown",
  cores: os.availableParallelism(),
  node: process.version,
  dawn: require("webgpu/package.json").version,
  onnxruntime: require("onnxruntime-node/package.json").version,
};

const head = ["case", "adapter", "ours", "peer", "peer's", "ratio"];
const cells = list.map(row => [
  row.case,
  row.adapter,
  row.ours_ms.toFixed(1),
  row.peer,
  row.peer_ms.toFixed(1),
  row.ratio.toFixed(2),
]);
const widths = head.map((name, i) => Math.max(name.length, ...cells.map(row => row[i]?.length ?? 0)));
const line = (/** @type {readonly string[]} */ row) =>
  `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
const table = [line(head), `|${widths.map(width => "-".repeat(width + 2)).join("|")}|`, ...cells.map(line)].join("\n");

if (flags.includes("--save")) {
  const file = path.join(root, "bench", "results", suite);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(`${file}.json`, `${JSON.stringify({ ...machine, rows: list }, null, 2)}\n`);
  const { cpu, cores, node, dawn, onnxruntime } = machine;
  const on = `${cpu}, ${cores} cores, Node ${node}, webgpu ${dawn}, onnxruntime-node ${onnxruntime}`;
  fs.writeFileSync(
    `${file}.md`,
    `# npm run bench -- ${suite}\n\nMilliseconds unless the case says otherwise; ratio is the peer's over ours. ${on}.\n\n${table}\n`,
  );
}
process.stdout.write(flags.includes("--json") ? `${JSON.stringify(list)}\n` : `${table}\n`, () => process.exit(0));
