import { elements as elementsOf, type Node, type ValueId } from "../../graph/graph.ts";
import { elements } from "../../weights/tensor.ts";
import { computed, floats, scalar, vector } from "./initializers.ts";
import { areNumbers, type Length, label, lengths } from "./sides.ts";
import type { Writer } from "./writer.ts";

// Constants that grow with a map; of maps of any size, what takes their place.

/** Most numbers of a constant that grows with a map: 4 MiB. What would take more is written in another way. */
export const mostConstants = 2 ** 20;

export const ones = (w: Writer, ...shape: readonly Length[]): string => filled(w, "ones", 1, shape);
export const zeros = (w: Writer, ...shape: readonly Length[]): string => filled(w, "zeros", 0, shape);

/** One value all over: a constant, or what is made of one where the shape is not known before a run. */
function filled(w: Writer, name: string, value: number, shape: readonly Length[]): string {
  const named = `${name}.${shape.map(label).join("x")}`;
  if (areNumbers(shape)) return floats(w, named, shape, new Float32Array(elements(shape)).fill(value));
  return w.step("sizes", named, "Expand", [scalar(w, value), lengths(w, ...shape)]);
}

/**
 * A vector once for every column of a map, [W,C]: adding whole rows of a map is several times faster than single sites.
 * Rows that would be longer than anything else in the file stay vectors.
 */
export function tiled(w: Writer, reader: Node, id: ValueId, width: Length): string {
  const c = elementsOf(w.node(id).type);
  if (typeof width === "string") return w.step(reader.id, "bias.row", "Expand", [vector(w, id), lengths(w, width, c)]);
  if (width * c > mostConstants) return vector(w, id);
  return computed(w, `${id}/row`, [width, c], [id], ({ data }) =>
    new Float64Array(width * c).map((_, i) => data[i % c] as number),
  );
}
