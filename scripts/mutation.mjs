// @ts-check
// npm run mutation -- FOLDER…: changes src/FOLDER in one place after the other, runs the quick tests that reach the place,
// and lists the changes that none of them saw, with a row of figures for each folder. What is known of an earlier run is
// not run again while neither the place nor its tests have changed. `--share 0.2` runs a fifth of the changes, drawn by
// `--seed 1`, and gives the score with its 95 % interval.
import * as fs from "node:fs";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { Stryker } from "@stryker-mutator/core";

process.chdir(path.resolve(import.meta.dirname, ".."));

/**
 * Tests by the folder that they are asked about: quick ones, which run in this process.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
const tests = {
  passes: ["test/passes/*.test.ts", "test/explain.test.ts"],
  graph: ["test/graph/{graph,infer,verify,evaluate,build}.test.ts", "test/passes/passes.test.ts"],
  model: ["test/model/*.test.ts", "test/syntax/{errors,contract,parse}.test.ts"],
  syntax: ["test/syntax/*.test.ts"],
  plan: ["test/plan/**/*.test.ts"],
  "emit/onnx": ["test/emit/onnx/{files,gelu,text}.test.ts"],
  weights: ["test/weights/**/*.test.ts", "test/node/inputs/shards-corpus.test.ts"],
};

/** Of a static place, which runs once when its file is loaded, no test can be told to have reached it. */
const detected = ["Killed", "Timeout"];
const undetected = ["Survived", "NoCoverage"];

const { values: options, positionals: folders } = parseArgs({
  allowPositionals: true,
  options: { share: { type: "string" }, seed: { type: "string", default: "1" } },
});
const share = Number(options.share ?? 1);
const unknown = folders.find(folder => !(folder in tests));
if (folders.length === 0 || unknown !== undefined || !(share > 0 && share <= 1)) {
  console.error(
    `usage: npm run mutation -- FOLDER… [--share 0.2 [--seed 1]], where FOLDER is one of ${Object.keys(tests).join(", ")}`,
  );
  process.exit(2);
}

process.env.CNXC_MUTATION_SHARE = `${share}`;
process.env.CNXC_MUTATION_SEED = options.seed;

/**
 * Wilson's 95 % interval of a share of which a number was drawn at random.
 * @param {number} found
 * @param {number} drawn
 */
function interval(found, drawn) {
  const z = 1.96;
  const middle = (found + z ** 2 / 2) / (drawn + z ** 2);
  const reach = (z * Math.sqrt((found * (drawn - found)) / drawn + z ** 2 / 4)) / (drawn + z ** 2);
  return [middle - reach, middle + reach].map(end => (100 * end).toFixed(1)).join(" to ");
}

/** @type {string[]} */
const table = [];
for (const folder of folders) {
  const cache = path.join(".cache/mutation", folder.replace("/", "-"));
  fs.mkdirSync(cache, { recursive: true });
  const mutants = await new Stryker({
    mutate: [`src/${folder}/**/*.ts`],
    testFiles: [...(tests[folder] ?? [])],
    testRunner: "vitest",
    vitest: { configFile: "bench/mutation/vitest.config.ts", related: false },
    plugins: ["@stryker-mutator/vitest-runner", "./bench/mutation/ignore-sentences.mjs", "./bench/mutation/draw.mjs"],
    checkers: share < 1 ? ["draw"] : [],
    ignorers: ["sentences"],
    coverageAnalysis: "perTest",
    ignoreStatic: true,
    incremental: share === 1,
    incrementalFile: `${cache}/incremental.json`,
    tempDirName: `${cache}/sandbox`,
    ignorePatterns: ["/generated", "/dist", "/docs", "/bench/peers", "/bench/results", "/.cache", "/templates"],
    reporters: ["progress-append-only", "html"],
    htmlReporter: { fileName: `${cache}/report.html` },
    concurrency: 1,
    disableTypeChecks: false,
    // Stryker would rewrite its paths by the compiler's library, which version 7 has no longer; vitest does not read it.
    tsconfigFile: "none",
    timeoutMS: 20_000,
    dryRunTimeoutMinutes: 20,
    allowConsoleColors: false,
  }).runMutationTest();
  for (const { status, fileName, location, mutatorName, replacement } of mutants)
    if (undetected.includes(status))
      console.log(
        `${status} ${path.relative(".", fileName)}:${location.start.line}:${location.start.column}-${location.end.line}:${location.end.column} ${mutatorName}: ${replacement}`,
      );
  const count = (/** @type {readonly string[]} */ statuses) =>
    mutants.filter(({ status }) => statuses.includes(status)).length;
  const [found, run] = [count(detected), count([...detected, ...undetected])];
  const score = ((100 * found) / run).toFixed(1) + (share < 1 ? ` (${interval(found, run)})` : "");
  const counts = ["Killed", "Timeout", "Survived", "NoCoverage", "Ignored"].map(status => count([status]));
  table.push(`| src/${folder} | ${mutants.length} | ${counts.join(" | ")} | ${score} |`);
}
console.log("| folder | mutants | killed | timeout | survived | no coverage | ignored | score, % |");
console.log(`|---|${"---:|".repeat(7)}\n${table.join("\n")}`);
