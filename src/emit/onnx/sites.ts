import { channels, sites, type ValueId } from "../../graph/graph.ts";
import { integers } from "./initializers.ts";
import type { Writer } from "./writer.ts";

/** A map [N,H,W,C] as [N,1,H·W,C]: one matrix a sample. */
export function sitesInRow(w: Writer, id: ValueId): string {
  const { type } = w.node(id);
  const { height, width } = sites(type);
  return w.step(id, "row", "Reshape", [w.value(id), integers(w, 0, 1, height * width, channels(type))]);
}
