import type { Span } from "../diagnostics/diagnostic.ts";
import { invariant } from "../diagnostics/invariant.ts";
import type { Draft, Graph, Node, Output, ValueId } from "./graph.ts";
import { typed } from "./infer.ts";
import { type Dim, type OpName, type Ops, statedTypes, type TensorType } from "./ops.ts";
import { printType } from "./print.ts";
import { unknownScope } from "./scope.ts";

/**
 * The graph that `print` wrote. Types are inferred anew and compared with the text, so a hand-written case cannot lie.
 * For tests and tools of ours: a malformed text is an InternalError that names the line, not a user's diagnostic.
 */
export function read(text: string): Graph {
  const source = { name: "graph", text };
  const nodes = new Map<ValueId, Node>();
  const groups = new Map<ValueId, ValueId>();
  let name = "";
  let outputs: readonly Output[] = [];
  let start = 0;
  for (const line of text.split("\n")) {
    const span: Span = { source, start, end: start + line.length };
    start += line.length + 1;
    const at = line.trim();
    if (at === "" || at === "}") continue;
    const header = /^graph (\S+) \{$/.exec(at);
    const result = /^return (.+)$/.exec(at);
    if (header) name = header[1] as string;
    else if (result) outputs = (result[1] as string).split(", ").map(readOutput);
    else readNode(at, span, nodes, groups);
  }
  return { name, nodes, outputs, groups };
}

function readOutput(text: string): Output {
  const match = /^(\S+): %(\S+)$/.exec(text);
  invariant(match, `not an output: ${text}`);
  return { name: match[1] as string, value: match[2] as string };
}

const line = /^%(\S+) = (\w+)\(([^)]*)\)(?: \{([^}]*)\})?(?: in %(\S+))? : (\w+)\[([^\]]*)\]$/;

function readNode(text: string, span: Span, nodes: Map<ValueId, Node>, groups: Map<ValueId, ValueId>): void {
  const match = line.exec(text);
  invariant(match, `not a node: ${text}`);
  const [, id, op, operands, attrs, group, dtype, shape] = match as unknown as string[];
  invariant(id !== undefined && operands !== undefined, `not a node: ${text}`);
  const stated = { dtype, shape: (shape ?? "").split(", ").map(readDim) } as TensorType;
  const draft = {
    id,
    op: op as OpName,
    inputs: operands === "" ? [] : operands.split(", ").map(name => name.slice(1)),
    attrs: { ...readAttrs(attrs ?? ""), ...(statedTypes.has(op as OpName) ? { type: stated } : {}) },
    span,
    scope: unknownScope,
  } as unknown as Draft;
  const node = typed(draft, nodes);
  invariant(printType(node.type) === printType(stated), `${id} is ${printType(node.type)}: ${text}`);
  nodes.set(id, node);
  if (group !== undefined) groups.set(id, group);
}

const readDim = (text: string): Dim => (text === "N" ? "N" : Number(text));

const readAttrs = (text: string): Ops[OpName] =>
  Object.fromEntries(
    (text === "" ? [] : text.split(", ")).map(entry => {
      const [key, value] = entry.split(": ") as [string, string];
      return [key, Number.isNaN(Number(value)) ? value : Number(value)];
    }),
  );
