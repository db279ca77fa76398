import { partName } from "../graph/scope.ts";
import type { Model } from "../model/model.ts";

/** Every part of a model, in the order of the network. */
export const partNames = ({ head, stages }: Pick<Model, "head" | "stages">): readonly string[] =>
  (["stem", ...stages.keys(), head.kind === "fcmae" ? "decoder" : "head"] as const).map(partName);
