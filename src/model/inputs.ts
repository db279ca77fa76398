import { type Model, patchGrid } from "./model.ts";

/** An input of a model as its users give it; `shape` is that of one image. */
export interface InputPort {
  readonly name: string;
  readonly shape: readonly number[];
  /** Patches that each image keeps, if this is a mask; else null. */
  readonly keep: number | null;
}

export function inputPorts({ input, head }: Model): readonly InputPort[] {
  const { height, width, channels } = input;
  const image = { name: "pixel_values", shape: [channels, height, width], keep: null };
  if (head.kind !== "fcmae") return [image];
  const { rows, columns, keep } = patchGrid(input, head);
  return [image, { name: "mask", shape: [rows * columns], keep }];
}
