import { bytesText, grouped } from "../html/figures.ts";
import { textTable } from "../html/text-table.ts";
import type { Batch } from "../model/model.ts";
import type { Cost, PartCost, Summary } from "./summary.ts";

/** Where bars are drawn: what has fewer columns shows the figures alone. */
const leastColumns = 80;

/** A summary for a terminal of so many columns. */
export function infoText(summary: Summary, columns: number): string {
  const { name, target, dtype, batch, input, head, parts, total, weightBytes, scratchBytes } = summary;
  const rows = [...parts.map(rowOf), ["all", "", "", ...figuresOf(total)]];
  const lines = [
    `${name}: ${input.height}x${input.width}x${input.channels} to ${head}`,
    `${target} ${dtype}, ${batchText(batch)}: weights ${bytesText(weightBytes)}, scratch ${bytesText(scratchBytes)} at its peak`,
    "",
    ...textTable(tableColumns, rows),
    ...(columns < leastColumns ? [] : ["", ...barRows(parts, total, columns)]),
  ];
  return `${lines.join("\n")}\n`;
}

export const batchText = ({ min, max }: Batch): string =>
  max === 1 ? "1 image" : min === max ? `${max} images` : `${max} images of ${min} to ${max}`;

const tableColumns = [
  { name: "part" },
  { name: "map" },
  { name: "blocks" },
  ...["parameters", "MACs", "kernels", "moved"].map(name => ({ name, figures: true })),
];

const rowOf = ({ name, map, blocks, ...cost }: PartCost): readonly string[] => [
  name,
  map === null ? "" : `${map.height}x${map.width}x${map.channels}`,
  blocks === null ? "" : `${blocks.count} ${blocks.kernel}x${blocks.kernel}`,
  ...figuresOf(cost),
];

const figuresOf = ({ parameters, macs, kernels, bytes }: Cost): readonly string[] => [
  grouped(parameters),
  grouped(macs),
  `${kernels}`,
  bytesText(bytes),
];

/** What is drawn, and its heading. */
const plotted: readonly (readonly [name: string, of: "parameters" | "macs" | "bytes"])[] = [
  ["parameters", "parameters"],
  ["MACs", "macs"],
  ["moved", "bytes"],
];

/** The shares of each part, three bars a row. */
function barRows(parts: readonly PartCost[], total: Cost, columns: number): readonly string[] {
  const names = Math.max(...parts.map(({ name }) => name.length));
  const width = Math.min(32, Math.floor((columns - names) / plotted.length) - 2);
  const cells = (texts: readonly string[]): string => texts.map(text => `  ${text.padEnd(width)}`).join("");
  return [
    `${" ".repeat(names)}${cells(plotted.map(([name]) => name))}`.trimEnd(),
    ...parts.map(part => {
      const bars = plotted.map(([, of]) => {
        const share = total[of] === 0 ? 0 : part[of] / total[of];
        return `${bar(share, width - 4)}${`${Math.round(100 * share)}%`.padStart(4)}`;
      });
      return `${part.name.padEnd(names)}${cells(bars)}`.trimEnd();
    }),
  ];
}

/** Eighths of a character. */
const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

function bar(share: number, width: number): string {
  const filled = Math.round(share * width * 8);
  return `${"█".repeat(Math.floor(filled / 8))}${eighths[filled % 8]}`.padEnd(width);
}
