import type { Drawing, Drawn } from "./drawing.ts";

/** A drawing in the language of Mermaid: a flowchart with a subgraph a kernel. */
export function mermaid({ clusters, ports, edges }: Drawing): string {
  const lines = [
    "flowchart TD",
    ...ports.map(port => `  ${port.key}([${label(port)}])`),
    ...clusters.flatMap(({ key, title, nodes }) => [
      `  subgraph ${key}["${quoted(title)}"]`,
      ...nodes.map(node => `    ${node.key}[${label(node)}]`),
      "  end",
    ]),
    ...edges.map(([from, to]) => `  ${from} --> ${to}`),
  ];
  return `${lines.join("\n")}\n`;
}

const label = ({ lines }: Drawn): string => `"${lines.map(quoted).join("<br>")}"`;

/** Brackets and quotes would end a label; Mermaid takes entities with # for &. */
const quoted = (text: string): string => text.replaceAll(/[^\w .,:-]/gu, character => `#${character.codePointAt(0)};`);
