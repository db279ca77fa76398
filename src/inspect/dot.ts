import type { Drawing, Drawn } from "./drawing.ts";

/** A drawing in the language of Graphviz: a digraph with a cluster a kernel. */
export function dot({ name, clusters, ports, edges }: Drawing): string {
  const lines = [
    `digraph ${quoted(name)} {`,
    '  graph [rankdir=TB, fontname="sans-serif", fontsize=11, color="#999999", style=rounded]',
    '  node [shape=box, fontname="sans-serif", fontsize=10, color="#2f7d74"]',
    '  edge [color="#666666", arrowsize=0.7]',
    ...ports.map(port => `  ${port.key} [label=${label(port)}, shape=oval]`),
    ...clusters.flatMap(({ key, title, nodes }) => [
      `  subgraph cluster_${key} {`,
      `    label=${quoted(title)}`,
      ...nodes.map(node => `    ${node.key} [label=${label(node)}]`),
      "  }",
    ]),
    ...edges.map(([from, to]) => `  ${from} -> ${to}`),
    "}",
  ];
  return `${lines.join("\n")}\n`;
}

const label = ({ lines }: Drawn): string => quoted(lines.join("\n"));

/** A string of Graphviz knows two escapes that matter: the quote, and the end of a line. */
const quoted = (text: string): string =>
  `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
