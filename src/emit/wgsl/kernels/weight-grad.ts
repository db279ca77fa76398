import type { WeightGradParams } from "../../../plan/kernels.ts";
import { blockTile, divideUp, gemmInvocations, threadTileOf, workgroupSize } from "../../../plan/tiles/tile.ts";
import { dims } from "../../simple/kernel.ts";
import {
  activation,
  bindingContext,
  type KernelSource,
  operandsOf,
  plus,
  range,
  slots,
  vecOf,
  weight,
} from "./shared.ts";

export function weightGrad(p: WeightGradParams): KernelSource {
  const { outputs, inputs, height, width, size, parts, chain, tile, of } = p;
  const taps = size * size;
  const columns = inputs * taps;
  const rows = height * width;
  const input = of ?? { height: height * size, width: width * size };
  const [outputVec, inputVec] = [vecOf(outputs), vecOf(inputs)];
  const list = slots([
    activation("d", rows * outputs, outputVec, dims(rows, outputs)),
    activation(
      "input",
      input.height * input.width * inputs,
      inputVec,
      size === 1 ? dims(rows, inputs) : dims(input.height, input.width, inputs),
    ),
    weight("sums", parts * outputs * columns, 1, dims(parts, outputs, columns), "write"),
  ]);
  const [tileRows, tileColumns] = blockTile(tile);
  const outputTiles = divideUp(outputs, tileRows);
  const [outputQuads, columnQuads] = [divideUp(outputs, 4), divideUp(columns, 4)];
  const shared = {
    outputs,
    inputs,
    columns,
    width,
    inputWidth: input.width,
    /** Patches leave rows of an image out: the next one's do not follow from these. */
    apart: input.height === height * size ? null : { rows, height, inputHeight: input.height },
    size,
    taps,
    patches: size > 1,
    parts,
    chain,
    outputRow: outputs / outputVec,
    inputRow: inputs / inputVec,
    outputsVector: outputVec === 4,
    inputsVector: inputVec === 4,
    /** Fours of channels, tap by tap; else fours of columns. */
    byTap: size > 1 && inputVec === 4,
    columnTail: columns % 4 !== 0,
    outputQuads,
    columnQuads,
    outputTiles,
    bindings: bindingContext(list),
  };
  const done = {
    once: true,
    operands: operandsOf(list),
    grid: [divideUp(columns, tileColumns), outputTiles * parts],
  } as const;
  if (tile.kind === "tiled") {
    const invocations = gemmInvocations(tile);
    const quads = tile.columns / 4;
    const tiles = { side: tile.columns, quads, tileRows: tile.depth, tileQuads: tile.depth * quads, invocations };
    return {
      ...done,
      template: "wgsl/weight-grad-tiled",
      context: { ...shared, ...tiles },
      workgroup: [invocations, 1],
    };
  }
  const [threadOutputs, threadQuads] = threadTileOf(tile);
  const [lanesX, lanesY] = workgroupSize(tile);
  const cells = (quad: number) =>
    range(4).flatMap(element =>
      range(threadQuads).map(column => ({ quad, element, column, name: `c${4 * quad + element}_${column}` })),
    );
  return {
    ...done,
    template: "wgsl/weight-grad-direct",
    context: {
      ...shared,
      tileRows: threadOutputs,
      tileColumns: 4 * threadQuads,
      lanesX,
      lanesY,
      lastOutputQuad: outputQuads - 1,
      lastColumnQuad: columnQuads - 1,
      outputList: range(threadOutputs / 4).map(i => ({ i, more: plus(i), cells: cells(i) })),
      columnList: range(threadQuads).map(i => ({ i, more: plus(i) })),
      cellList: range(threadOutputs / 4).flatMap(cells),
    },
    workgroup: [lanesX, lanesY],
  };
}
