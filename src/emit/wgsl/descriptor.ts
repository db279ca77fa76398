import { renderTemplate } from "../../embedded/render-template.ts";
import type { TemplateName } from "../../embedded/templates.ts";
import { relativeWork } from "../../plan/cost.ts";
import { type Buffer, bytesOf, distinctKernels, type Plan, type Port as PlanPort, type Step } from "../../plan/plan.ts";
import type { BufferDescriptor, Dispatch, ModelDescriptor, Port } from "../../runtime/descriptor.ts";
import { withF16 } from "./kernels/shared.ts";
import { wgslSource } from "./kernels.ts";

export type { ModelDescriptor };

/** One workgroup does it all, so that its kernel knows of no part of a dispatch. */
const uncut: ReadonlySet<Step["kind"]> = new Set(["maskedMean", "maskedMeanGrad", "crossEntropy"]);

/**
 * The plan as the runtime takes it, with the WGSL of every distinct kernel. Where kernels are `shared`, one that reads its
 * sizes from a uniform serves all that differ in nothing else: adapters whose compilers are slow have fewer to compile.
 */
export function describe(plan: Plan, shared = false): ModelDescriptor {
  const index = new Map([...plan.buffers.keys()].map((name, i) => [name, i]));
  const ports = new Map([...plan.inputs, ...plan.outputs].map(port => [port.buffer, port.name]));
  const { kernels, ofStep } = texts(plan, shared);

  const dispatch = (step: Step, at: number): Dispatch => {
    const { kernel, sizes } = ofStep[at] as TextOfStep;
    return {
      label: step.name,
      kernel,
      bindings: step.operands.map(({ value }) => index.get(value) as number),
      ...(sizes.length > 0 ? { sizes } : {}),
      grid: step.grid,
      perImage: step.images > 0,
    };
  };
  const setup = plan.setup.map(dispatch);
  const steps = plan.steps.map((step, i) => ({
    ...dispatch(step, plan.setup.length + i),
    ...(uncut.has(step.kind) ? {} : { work: relativeWork(step) }),
  }));
  return {
    name: plan.name,
    batch: plan.batch,
    inputs: plan.inputs.map(describePort),
    outputs: plan.outputs.map(describePort),
    params: plan.params,
    arenas: plan.arenas,
    ...(plan.fixedArenas.length > 0 ? { fixedArenas: plan.fixedArenas } : {}),
    buffers: [...plan.buffers.values()].map(buffer => describeBuffer(buffer, ports)),
    ...(plan.steps.some(step => inF16(step).length > 0) ? { half: halfPreludes() } : {}),
    kernels,
    setup,
    steps,
    limits: requiredLimits(plan),
  };
}

const describePort = ({ name, shape, perImage, keep }: PlanPort): Port => ({
  name,
  shape,
  perImage,
  ...(keep === null ? {} : { keep }),
});

/** A kernel is named after the first value it computes, so that no name shifts when another kernel appears. */
const kernelName = ({ kind, name }: Step): string => `${name}${behind[kind] ?? ""}`;

/** What tells kernels apart that compute one value together. */
const behind: { readonly [K in Step["kind"]]?: string } = { pack: ".pack", columnTotals: ".total" };

const inF16 = ({ operands }: Step): readonly string[] =>
  operands.filter(({ storage }) => storage === "f16").map(({ role }) => role);

interface TextOfStep {
  /** Index of its text. */
  readonly kernel: number;
  readonly sizes: readonly number[];
}

/** The distinct texts of all steps, each named after the first step that runs it. */
function texts(plan: Plan, shared: boolean) {
  const { kernels: distinct, ofStep } = distinctKernels([...plan.setup, ...plan.steps]);
  const names = new Map<string, string>();
  const rendered = distinct.map(step => {
    const { template, context, sizes = new Map<string, number>() } = wgslSource(step, shared);
    const fields = sizes.size === 0 ? null : [...sizes.keys()];
    const code = renderTemplate(template as TemplateName, { ...withF16(context, inF16(step)), sizes: fields });
    if (!names.has(code)) names.set(code, kernelName(step));
    return { code, sizes: [...sizes.values()] };
  });
  const codes = [...names.keys()];
  const ofKernel = rendered.map(({ code, sizes }): TextOfStep => ({ kernel: codes.indexOf(code), sizes }));
  return {
    kernels: [...names].map(([code, name]) => ({ name, code })),
    ofStep: ofStep.map(kernel => ofKernel[kernel] as TextOfStep),
  };
}

/** How kernels begin that keep values in 16 bits: the first as rendered, the second for devices without the feature. */
const halfPreludes = () => {
  const [native, unpacked] = [false, true].map(unpacked => renderTemplate("wgsl/half", { unpacked }));
  return { native: native as string, unpacked: unpacked as string };
};

function describeBuffer(
  { name, role, storage, elements, perImage, slot }: Buffer,
  ports: ReadonlyMap<string, string>,
): BufferDescriptor {
  const half = storage === "f16" ? { half: true } : {};
  const port = ports.get(name);
  if (port !== undefined) return { at: "io", name: port, elements, perImage };
  if (slot)
    return { at: "scratch", name, elements, perImage, ...half, arena: slot.arena as number, offset: slot.offset };
  return { at: role === "param" ? "param" : "derived", name, elements, perImage: false, ...half };
}

/** What a device must allow, at the largest batch. */
function requiredLimits(plan: Plan): ModelDescriptor["limits"] {
  const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);
  const bytes = (buffer: Buffer): number => bytesOf(buffer) * (buffer.perImage ? plan.batch.max : 1);
  const steps = [...plan.setup, ...plan.steps];
  const binding = most([...plan.buffers.values()].map(bytes));
  return {
    maxBufferSize: Math.max(binding, most(plan.arenas) * plan.batch.max, most(plan.fixedArenas)),
    maxStorageBufferBindingSize: binding,
    maxStorageBuffersPerShaderStage: most(steps.map(step => step.operands.length)),
    maxComputeInvocationsPerWorkgroup: most(steps.map(({ workgroup: [x, y] }) => x * y)),
  };
}
