import type { KernelParams } from "../../../plan/kernels.ts";
import type { DataType } from "../../../plan/plan.ts";
import { groupsOf, type SimpleOperand, slopeContext, wgslForm } from "../../simple/kernel.ts";
import { type SimpleKind, simpleKernel } from "../../simple/kernels.ts";
import { bindingContext, geluContext, grid1, type KernelSource, operandsOf, wgslType } from "./shared.ts";

/** How templates/kernels are spelled in WGSL. */
const words = {
  wgsl: true,
  int: "let",
  float: "let",
  var: "var",
  sum: "var",
  u: "u",
  lane: "lane",
  group: "group.x",
  root: "sqrt",
  inverseRoot: "inverseSqrt",
  max: "max",
  exp: "exp",
  log: "log",
} as const;

/** A kernel of which there is one text for every target, in WGSL. */
export const simple =
  <K extends SimpleKind>(kind: K) =>
  (params: KernelParams[K]): KernelSource => {
    const kernel = simpleKernel(kind, params, wgslForm);
    const { operands, threads, over, gelu, slope } = kernel;
    const grid = grid1(groupsOf(kernel));
    const slots = operands.map(operand => ({
      ...operand,
      storage: storageOf(operand),
      type: operand.kept === "i32" ? "i32" : wgslType(operand.vec),
    }));
    return {
      template: `kernels/${kernel.template}`,
      context: {
        ...kernel.context,
        ...words,
        threads,
        invocations: threads,
        gridX: grid[0],
        elements: "elements" in over ? over.elements : null,
        raggedElements: "elements" in over && grid[0] * grid[1] * threads !== over.elements,
        acc: wgslType(operands.at(-1)?.vec ?? 1),
        zero: `${wgslType(operands.at(-1)?.vec ?? 1)}()`,
        ...geluContext(gelu ?? null),
        ...slopeContext(slope ?? null),
        totals: kernel.totals ?? false,
        once: kernel.once ?? false,
        offsets: Object.fromEntries(operands.map(operand => [operand.role, kernel.across ? "" : offsetOf(operand)])),
        bindings: bindingContext(slots),
      },
      operands: operandsOf(slots),
      grid,
      workgroup: [threads, 1],
      ...(kernel.once || kernel.across ? { once: true } : {}),
    };
  };

/** Maps are read and written by fours where they are kept in 16 bits. */
const storageOf = ({ kept, vec }: SimpleOperand): readonly DataType[] =>
  kept === "i32" ? ["i32"] : kept === "map" && vec === 4 ? ["f16", "f32"] : ["f32"];

/** Where an image's values begin. */
const offsetOf = ({ perImage, ofAllImages, elements, vec }: SimpleOperand): string =>
  perImage && !ofAllImages ? `group.z * ${elements / vec} + ` : "";
