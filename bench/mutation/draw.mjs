// @ts-check
// A plugin of Stryker: of all mutants a share is run, which CNXC_MUTATION_SHARE says and CNXC_MUTATION_SEED draws. Whether
// one is drawn depends on the seed and on itself, and on no other. The rest count as what did not compile.
import { createHash } from "node:crypto";
import { CheckStatus } from "@stryker-mutator/api/check";
import { declareClassPlugin, PluginKind } from "@stryker-mutator/api/plugin";

const share = Number(process.env.CNXC_MUTATION_SHARE ?? 1);
const seed = process.env.CNXC_MUTATION_SEED ?? "1";

/** @param {import("@stryker-mutator/api/core").Mutant} mutant */
function isDrawn({ fileName, location, mutatorName, replacement }) {
  const { start, end } = location;
  const file = fileName.slice(fileName.lastIndexOf("/src/"));
  const place = [file, start.line, start.column, end.line, end.column, mutatorName, replacement];
  const digest = createHash("sha256").update(JSON.stringify([seed, ...place]));
  return digest.digest().readUInt32BE() < share * 2 ** 32;
}

class Draw {
  async init() {}

  /** @param {import("@stryker-mutator/api/core").Mutant[]} mutants */
  async group(mutants) {
    return [mutants.map(({ id }) => id)];
  }

  /** @param {import("@stryker-mutator/api/core").Mutant[]} mutants */
  async check(mutants) {
    const passed = /** @type {const} */ ({ status: CheckStatus.Passed });
    const left = /** @type {const} */ ({ status: CheckStatus.CompileError, reason: "not drawn" });
    return Object.fromEntries(mutants.map(mutant => [mutant.id, isDrawn(mutant) ? passed : left]));
  }
}

export const strykerPlugins = [declareClassPlugin(PluginKind.Checker, "draw", Draw)];
