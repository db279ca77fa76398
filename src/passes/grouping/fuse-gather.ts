import { operand } from "../../graph/graph.ts";
import type { Pass } from "../pass.ts";
import { group } from "./group.ts";

/**
 * Take kept patches out of the image as it is, rather than put all of it in another order first.
 *
 *   %x = toChannelsLast(%image)
 *   %x.visible = gatherSites(%x, %table) {rows: 2, columns: 2, keep: 1}
 *   ⟶
 *   %x = toChannelsLast(%image) in %x.visible
 *   %x.visible = gatherSites(%x, %table) {rows: 2, columns: 2, keep: 1} in %x.visible
 */
export const fuseGather: Pass = {
  name: "fuse-gather",
  summary: "Take kept patches out of the image as it is",
  run: graph =>
    group(graph, (node, view) => {
      if (node.op !== "gatherSites" || view.anchorOf(node.id) !== node.id) return null;
      const image = view.node(operand(node, 0));
      const alone = image.op === "toChannelsLast" && view.soleReader(image.id) !== null;
      return alone ? { anchor: node.id, members: [image.id] } : null;
    }),
};
