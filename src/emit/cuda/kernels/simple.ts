import type { KernelParams } from "../../../plan/kernels.ts";
import { cudaForm, groupsOf, type SimpleOperand, slopeContext } from "../../simple/kernel.ts";
import { type SimpleKind, simpleKernel } from "../../simple/kernels.ts";
import { type CudaKernel, type CudaOperand, geluName, type Setting, scalars } from "./shared.ts";

/** How templates/kernels are spelled in CUDA C++. */
const words = {
  wgsl: false,
  int: "const int",
  float: "const float",
  var: "int",
  sum: "float",
  zero: "0.0f",
  u: "",
  lane: "thread()",
  group: "block_x()",
  root: "square_root",
  inverseRoot: "reciprocal_root",
  max: "fmaxf",
  exp: "expf",
  log: "logf",
} as const;

/** A kernel of which there is one text for every target, in CUDA C++. */
export const simple =
  <K extends SimpleKind>(kind: K) =>
  (params: KernelParams[K], { dtype }: Setting): CudaKernel => {
    const kernel = simpleKernel(kind, params, cudaForm);
    const {
      operands,
      threads,
      over,
      gelu,
      slope,
      totals = false,
      once = false,
      across = false,
      counted = false,
    } = kernel;
    const groups = groupsOf(kernel);
    const maps = operands.filter(({ kept }) => kept === "map").map(({ role }) => role);
    return {
      template: `kernels/${kernel.template}` as CudaKernel["template"],
      context: {
        ...kernel.context,
        ...words,
        scalar: scalars[dtype],
        narrow: operands.some(({ kept, access }) => kept === "map" && access === "write"),
        elements: "elements" in over ? over.elements : null,
        raggedElements: "elements" in over && groups * threads !== over.elements,
        gelu: gelu === undefined ? null : geluName(gelu, dtype),
        ...slopeContext(slope ?? null),
        totals,
        warps: Math.ceil(threads / 32),
        halves: maps,
        offsets: Object.fromEntries(operands.map(({ role }) => [role, ""])),
        perImage: operands
          .filter(({ perImage, ofAllImages }) => !across && perImage && !ofAllImages)
          .map(({ role: name, elements }) => ({ name, elements })),
      },
      operands: operands.map(operandOf),
      grid: [groups, 1],
      images: once || across ? 0 : 1,
      threads,
      shared: totals ? 4 * Math.ceil(threads / 32) : 0,
      registers: 64,
      counted,
      ...(counted ? { wholeBatch: true } : {}),
      work: { unit: "simt", flops: kernel.flops ?? 0 },
    };
  };

const operandOf = ({ kept, role, access, elements, perImage, note }: SimpleOperand): CudaOperand => {
  return { role, access, elements, perImage, note, storage: kept === "map" ? "dtype" : kept };
};
