// Writes src/embedded/cnx-grammar.ts from src/syntax/cnx.ohm: what `ohm generateBundles --withTypes --esm` makes, as one
// TypeScript module, because tsc copies no .js files. With --check it writes nothing and fails where the file is stale.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { generateTypes } from "@ohm-js/cli/src/helpers/generateTypes.js";
import { grammars } from "ohm-js";

const grammarFile = fileURLToPath(new URL("../src/syntax/cnx.ohm", import.meta.url));
const moduleFile = fileURLToPath(new URL("../src/embedded/cnx-grammar.ts", import.meta.url));

export function embedGrammar(text) {
  const all = grammars(text);
  const types = generateTypes(all)
    .replace("import {", "import type {")
    .replace(/declare const grammar.*$/s, "");
  return `// Made by scripts/embed-grammar.mjs from src/syntax/cnx.ohm.

import { makeRecipe } from "ohm-js";
${types.trim()}

declare module "ohm-js" {
  /** Exported by ohm-js for the bundles it generates, but missing from its types. */
  export function makeRecipe(recipe: readonly unknown[]): Grammar;
}

export const cnxGrammar = makeRecipe(${all.Cnx.toRecipe()}) as CnxGrammar;
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = embedGrammar(await readFile(grammarFile, "utf8"));
  if (!process.argv.includes("--check")) await writeFile(moduleFile, wanted);
  else if (wanted !== (await readFile(moduleFile, "utf8"))) {
    console.error("src/embedded/cnx-grammar.ts is stale: run node scripts/embed-grammar.mjs");
    process.exitCode = 1;
  }
}
