import { operand } from "../../graph/graph.ts";
import type { Pass } from "../pass.ts";
import { group } from "./group.ts";

/**
 * Take what is under the taps of a convolution out of the image as it is, rather than put all of it in another order first.
 *
 *   %x = toChannelsLast(%image)
 *   %t = unfold(%x) {kernel: 3, stride: 2}
 *   ⟶
 *   %x = toChannelsLast(%image) in %t
 *   %t = unfold(%x) {kernel: 3, stride: 2} in %t
 */
export const fuseUnfold: Pass = {
  name: "fuse-unfold",
  summary: "Take what is under the taps of a convolution out of the image as it is",
  run: graph =>
    group(graph, (node, view) => {
      if (node.op !== "unfold") return null;
      const image = view.node(operand(node, 0));
      const alone = image.op === "toChannelsLast" && view.soleReader(image.id) !== null;
      return alone ? { anchor: node.id, members: [image.id] } : null;
    }),
};
