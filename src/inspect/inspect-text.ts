import { bytesText, grouped } from "../html/figures.ts";
import { textTable } from "../html/text-table.ts";
import type { Change, Lines } from "./changes.ts";
import { batchText } from "./info-text.ts";
import type { Inspection } from "./inspect.ts";
import { aliveBytes, bytesMovedBy } from "./runs.ts";

/** All of it for a terminal, but the kernels' own text: passes, kernels in order, memory. */
export function inspectText({ summary, built, changes, runs, sources }: Inspection): string {
  const { name, target, dtype, batch, total } = summary;
  const { memory } = runs;
  const alive = aliveBytes(memory);
  const images = batch.max;
  const kernelRows = runs.runs.map((run, i) => [
    `${i + 1}`,
    run.name,
    run.kind,
    `${run.grid} of ${run.group}`,
    grouped(images * run.macs),
    bytesText(bytesMovedBy(run, images)),
    bytesText(images * (alive[i] ?? 0)),
  ]);
  const bufferRows = memory.buffers.map(({ name, arena, offset, bytes, from, to }) => [
    name,
    `${arena}`,
    grouped(offset),
    grouped(bytes),
    `${from + 1}`,
    `${to + 1}`,
  ]);
  const lines = [
    `${name} for ${target} in ${dtype}, ${batchText(batch)}: ${total.kernels} kernels a pass, ` +
      `${sources.kernels.length} of them different, ${grouped(total.macs)} MACs, ${bytesText(total.bytes)} moved`,
    "",
    `Passes, from ${built.count} nodes as built:`,
    ...changes.flatMap(changeText),
    "",
    "Kernels in order (alive: scratch memory in use while it runs):",
    ...textTable(kernelColumns, kernelRows),
    "",
    `Scratch memory of one image, in ${memory.arenas.length === 1 ? "one arena" : `${memory.arenas.length} arenas`} of ${memory.arenas.map(bytesText).join(", ")}:`,
    ...textTable(bufferColumns, bufferRows),
  ];
  return `${lines.join("\n")}\n`;
}

const kernelColumns = [
  { name: "step", figures: true },
  { name: "name" },
  { name: "kernel" },
  { name: "groups" },
  { name: "MACs", figures: true },
  { name: "moved", figures: true },
  { name: "alive", figures: true },
];

const bufferColumns = [
  { name: "buffer" },
  ...["arena", "offset", "bytes", "from step", "to step"].map(name => ({ name, figures: true })),
];

function changeText(change: Change): readonly string[] {
  const { pass, reasons, added, removed, rewired, grouped } = change;
  return [
    "",
    `${pass}: ${changeHeadline(change)}`,
    ...reasons.map(reason => `  ${reason}`),
    ...marked("+", added),
    ...marked("-", removed),
    ...marked("~", rewired),
    ...marked("=", grouped),
  ];
}

/** What a pass did, in one line. */
export function changeHeadline({ added, removed, rewired, grouped: made, saved, after }: Change): string {
  const counts = [
    [added, "added"],
    [removed, "removed"],
    [rewired, "changed"],
    [made, made.count === 1 ? "kernel grew" : "kernels grew"],
  ] as const;
  const said = counts.flatMap(([{ count }, what]) => (count === 0 ? [] : [`${count} ${what}`]));
  const bytes = saved > 0 ? [`${bytesText(saved)} an image less to move`] : [];
  return said.length === 0 ? "nothing to do" : `${[...said, ...bytes].join(", ")}; ${after.count} nodes`;
}

const marked = (mark: string, { lines }: Lines): readonly string[] =>
  lines.map(({ text, blocks }) => {
    const [first = "", ...rest] = text.split("\n");
    const where = blocks === null ? "" : `  for j = ${blocks}`;
    return [`  ${mark} ${first}`, ...rest.map(line => `    ⟶ ${line}`)].join("\n") + where;
  });

/** Indices of the runs of one kernel. */
export const runsOfKernel = (ofRun: readonly number[], kernel: number): readonly number[] =>
  ofRun.flatMap((index, at) => (index === kernel ? [at] : []));
