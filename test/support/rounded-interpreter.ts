import * as path from "node:path";
import { buildSync } from "esbuild";
import { ts } from "ts-morph";
import type { apply } from "../../src/graph/evaluate.ts";
import * as gelu from "../../src/graph/gelu.ts";

type Round = (value: number) => number;

const operators: ReadonlyMap<ts.SyntaxKind, ts.BinaryOperator> = new Map([
  [ts.SyntaxKind.PlusEqualsToken, ts.SyntaxKind.PlusToken],
  [ts.SyntaxKind.MinusEqualsToken, ts.SyntaxKind.MinusToken],
  [ts.SyntaxKind.AsteriskEqualsToken, ts.SyntaxKind.AsteriskToken],
  [ts.SyntaxKind.SlashEqualsToken, ts.SyntaxKind.SlashToken],
  [ts.SyntaxKind.AsteriskAsteriskEqualsToken, ts.SyntaxKind.AsteriskAsteriskToken],
]);
const arithmetic: ReadonlySet<ts.SyntaxKind> = new Set(operators.values());

const isOfMath = (node: ts.Node): boolean =>
  ts.isCallExpression(node) &&
  ts.isPropertyAccessExpression(node.expression) &&
  ts.isIdentifier(node.expression.expression) &&
  node.expression.expression.text === "Math";

/** `a + b` ⟶ `round(a + b)`, `a += b` ⟶ `a = round(a + b)`, `Math.sqrt(a)` ⟶ `round(Math.sqrt(a))`. */
const roundResults: ts.TransformerFactory<ts.SourceFile> = context => {
  const { factory } = context;
  const rounded = (value: ts.Expression): ts.Expression =>
    factory.createCallExpression(factory.createIdentifier("round"), undefined, [value]);
  const visit = (node: ts.Node): ts.Node => {
    const seen = ts.visitEachChild(node, visit, context);
    if (isOfMath(seen)) return rounded(seen as ts.CallExpression);
    if (!ts.isBinaryExpression(seen)) return seen;
    const { left, operatorToken, right } = seen;
    const operator = operators.get(operatorToken.kind);
    if (operator) return factory.createAssignment(left, rounded(factory.createBinaryExpression(left, operator, right)));
    return arithmetic.has(operatorToken.kind) ? rounded(seen) : seen;
  };
  return file => ts.visitNode(file, visit) as ts.SourceFile;
};

let text: string | undefined;

/** The interpreter as one script, in which whatever arithmetic gives is rounded. */
function script(): string {
  const { outputFiles } = buildSync({
    entryPoints: [path.resolve(import.meta.dirname, "../../src/graph/evaluate.ts")],
    bundle: true,
    write: false,
    format: "cjs",
    target: "es2022",
    external: ["./gelu.ts"],
  });
  const file = ts.createSourceFile("evaluate.js", outputFiles[0]?.text ?? "", ts.ScriptTarget.ES2022);
  return ts.createPrinter().printFile(ts.transform(file, [roundResults]).transformed[0] as ts.SourceFile);
}

/**
 * The formulas of the interpreter in another arithmetic: `round` takes each sum, product, quotient and root that they come
 * by, in their order. It must leave integers alone, which indices are. Activations are computed in float64, as a library's
 * functions are: what `round` makes of their results is for the caller, as with those of all ops.
 */
export function applyRounded(round: Round): typeof apply {
  text ??= script();
  const module: { exports: { apply?: typeof apply } } = { exports: {} };
  new Function("require", "module", "round", text)(() => gelu, module, round);
  return module.exports.apply as typeof apply;
}
