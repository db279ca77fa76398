// @ts-check
// npm run mutation -- FOLDER…: changes src/FOLDER in one place after the other, runs the quick tests that reach the place,
// and lists the changes that none of them saw, with a row of figures for each folder. What is known of an earlier run is
// not run again while neither the place nor its tests have changed.
import * as fs from "node:fs";
import * as path from "node:path";
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
  plan: ["test/plan/*.test.ts"],
  "emit/onnx": ["test/emit/onnx/{files,gelu,text}.test.ts"],
  weights: ["test/weights/**/*.test.ts"],
};

/** Of a static place, which runs once when its file is loaded, no test can be told to have reached it. */
const detected = ["Killed", "Timeout"];
const undetected = ["Survived", "NoCoverage"];

const folders = process.argv.slice(2);
const unknown = folders.find(folder => !(folder in tests));
if (folders.length === 0 || unknown !== undefined) {
  console.error(`usage: npm run mutation -- FOLDER…, where FOLDER is one of ${Object.keys(tests).join(", ")}`);
  process.exit(2);
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
    plugins: ["@stryker-mutator/vitest-runner", "./bench/mutation/ignore-sentences.mjs"],
    ignorers: ["sentences"],
    coverageAnalysis: "perTest",
    ignoreStatic: true,
    incremental: true,
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
  const score = (100 * count(detected)) / count([...detected, ...undetected]);
  const counts = ["Killed", "Timeout", "Survived", "NoCoverage", "Ignored"].map(status => count([status]));
  table.push(`| src/${folder} | ${mutants.length} | ${counts.join(" | ")} | ${score.toFixed(1)} |`);
}
console.log("| folder | mutants | killed | timeout | survived | no coverage | ignored | score, % |");
console.log(`|---|${"---:|".repeat(7)}\n${table.join("\n")}`);
