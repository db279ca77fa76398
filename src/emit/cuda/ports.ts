import type { Plan } from "../../plan/plan.ts";

/** `stages.0.0.dwconv` → `stages_0_0_dwconv`. */
export const identifier = (name: string): string => name.replace(/[^A-Za-z0-9]/g, "_");

/** The inputs and then the outputs of a plan, as C and Python name them. */
export const portsOf = (plan: Plan) => {
  const inputs = new Set(plan.inputs);
  return [...plan.inputs, ...plan.outputs].map((port, index) => ({
    name: identifier(port.name),
    input: inputs.has(port),
    index,
    note: `${port.perImage ? "[batch]" : ""}${port.shape.map(size => `[${size}]`).join("")}${
      port.keep === null ? "" : `, 1 removes a patch, 0 keeps it; each image keeps ${port.keep}`
    }`,
    elements: port.shape.reduce((a, b) => a * b, 1),
    perImage: port.perImage,
    shape: port.shape,
  }));
};
