// @ts-check
// A plugin of Stryker: sentences of our own checks are left alone. What an InternalError says is for us; that one is thrown
// is what tests are asked for.
import { declareValuePlugin, PluginKind } from "@stryker-mutator/api/plugin";

/** Functions whose first argument is what must hold, and whose others say what is wrong. */
const checks = new Set(["invariant", "check", "blame"]);

/**
 * @typedef {{ type: string, name?: string, property?: { name?: string }, callee?: SyntaxNode, arguments?: unknown[],
 *   key?: { name?: string }, value?: unknown }} SyntaxNode
 * @typedef {{ node: SyntaxNode, parent?: SyntaxNode }} SyntaxPath
 */

/** @param {SyntaxPath} path */
function shouldIgnore({ node, parent }) {
  if (parent?.type === "CallExpression" && (parent.arguments?.indexOf(node) ?? -1) > 0) {
    const name = parent.callee?.name ?? parent.callee?.property?.name;
    if (name !== undefined && checks.has(name)) return "the sentence of a check";
  }
  if (parent?.type === "ObjectProperty" && parent.key?.name === "summary" && parent.value === node)
    return "a sentence for help";
  return undefined;
}

export const strykerPlugins = [declareValuePlugin(PluginKind.Ignore, "sentences", { shouldIgnore })];
