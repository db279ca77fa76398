import type { Node } from "../../graph/graph.ts";
import { operand } from "../../graph/graph.ts";
import type { Pass } from "../pass.ts";
import { type Group, type Grouping, group } from "./group.ts";

/**
 * Compute a LayerNorm in the kernel of the convolution next to it: after depthwise and stem, whose kernels hold whole
 * rows of channels; before downsampling, which normalises what it loads. The stem also takes the image as NCHW, and the
 * kept patches out of it.
 *
 *   %d = depthwise(%x, %w, %b) {kernel: 7}
 *   %n = normalize(%d) {eps: 0.000001}
 *   ⟶
 *   %d = depthwise(%x, %w, %b) {kernel: 7} in %d
 *   %n = normalize(%d) {eps: 0.000001} in %d
 */
export const fuseNorm: Pass = {
  name: "fuse-norm",
  summary: "Compute LayerNorm in the kernels of depthwise, stem and downsampling convolutions",
  run: graph =>
    group(graph, (node, view) => {
      if (node.op === "depthwise" || node.op === "siteDepthwise") return after(node, view);
      if (node.op !== "patchConv") return null;
      const producer = view.node(operand(node, 0));
      const image = producer.op === "gatherSites" ? view.node(operand(producer, 0)) : producer;
      if (view.soleReader(producer.id) === node && producer.op === "normalize") {
        return { anchor: node.id, members: [producer.id] };
      }
      if (image.op !== "toChannelsLast") return null;
      return { anchor: node.id, members: [...new Set([image.id, producer.id]), ...(after(node, view)?.members ?? [])] };
    }),
};

function after(node: Node, view: Grouping): Group | null {
  const reader = view.soleReader(node.id);
  const fits = reader?.op === "normalize" || reader?.op === "layernorm";
  return fits ? { anchor: node.id, members: [reader.id] } : null;
}
