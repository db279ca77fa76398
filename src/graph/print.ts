import type { Graph, Node, ValueId } from "./graph.ts";
import type { TensorType } from "./ops.ts";

/**
 * The graph as text, a node a line, which `read` reads back exactly:
 *
 *   %stages.0.0.act = gelu(%stages.0.0.pwconv1) {form: erf} in %stages.0.0.pwconv1 : f32[N, 56, 56, 160]
 */
export function print(graph: Graph): string {
  const lines = [...graph.nodes.values()].map(node => `  ${printNode(node, graph.groups.get(node.id))}`);
  const results = graph.outputs.map(({ name, value }) => `${name}: %${value}`).join(", ");
  return `graph ${graph.name} {\n${lines.join("\n")}\n  return ${results}\n}\n`;
}

export type Naming = (id: ValueId) => string;

export const printType = (type: TensorType): string => `${type.dtype}[${type.shape.join(", ")}]`;

/**
 * One line of it; `group` is the node that the kernel is named after, if it is in a group, and `name` how ids are
 * written, which is as they are unless the line is for people.
 */
export function printNode(node: Node, group: ValueId | undefined, name: Naming = id => id): string {
  const call = `${node.op}(${node.inputs.map(id => `%${name(id)}`).join(", ")})`;
  const attrs = Object.entries(node.attrs).filter(([key]) => key !== "type");
  const braces = attrs.length === 0 ? "" : ` {${attrs.map(([key, value]) => `${key}: ${value}`).join(", ")}}`;
  const member = group === undefined ? "" : ` in %${name(group)}`;
  return `%${name(node.id)} = ${call}${braces}${member} : ${printType(node.type)}`;
}
