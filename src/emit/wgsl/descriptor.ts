import { renderTemplate } from "../../embedded/render-template.ts";
import type { TemplateName } from "../../embedded/templates.ts";
import { relativeWork } from "../../plan/cost.ts";
import { type KernelKind, kernelOf } from "../../plan/kernels.ts";
import { type Buffer, bufferBytes, type Plan, type Port as PlanPort, type Step } from "../../plan/plan.ts";
import type { BufferDescriptor, Dispatch, ModelDescriptor, Port } from "../../runtime/descriptor.ts";

/** One workgroup does it all, so that its kernel knows of no part of a dispatch. */
const uncut: ReadonlySet<KernelKind> = new Set(["maskedMean"]);

/** The plan as the runtime takes it, with the WGSL of every distinct kernel. */
export function describe(plan: Plan): ModelDescriptor {
  const order = [...plan.buffers.keys()];
  const index = new Map(order.map((name, i) => [name, i]));
  const ports = new Map([...plan.inputs, ...plan.outputs].map(port => [port.buffer, port.name]));
  const kernels = new Map<string, { readonly name: string; readonly code: string; readonly at: number }>();

  const dispatch = (step: Step): Dispatch => {
    const key = `${step.kind} ${JSON.stringify([step.params, step.f16Bindings])}`;
    // A kernel is named after the first value it computes, so that no name shifts when another kernel appears.
    const name = step.kind === "pack" ? `${step.name}.pack` : step.name;
    const { at } = kernels.get(key) ?? { at: kernels.size };
    if (at === kernels.size) kernels.set(key, { name, code: render(step), at });
    const operands = { ...step.reads, ...step.writes };
    return {
      label: step.name,
      kernel: at,
      bindings: step.bindings.map(binding => index.get(operands[binding.name] as string) as number),
      grid: step.grid,
      perImage: step.perImage,
    };
  };

  const setup = plan.setup.map(dispatch);
  const steps = plan.steps.map(step => ({
    ...dispatch(step),
    ...(uncut.has(step.kind) ? {} : { work: relativeWork(plan, step) }),
  }));
  return {
    name: plan.name,
    batch: plan.batch,
    inputs: plan.inputs.map(describePort),
    outputs: plan.outputs.map(describePort),
    params: plan.params,
    arenas: plan.arenas,
    buffers: order.map(name => describeBuffer(plan.buffers.get(name) as Buffer, ports)),
    ...(plan.steps.some(({ f16Bindings }) => f16Bindings.length > 0) ? { half: halfPreludes() } : {}),
    kernels: [...kernels.values()].map(({ name, code }) => ({ name, code })),
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

function render(step: Step): string {
  const { template, context } = kernelOf(step.kind, step.params, step.f16Bindings);
  return renderTemplate(`wgsl/${template}` as TemplateName, context);
}

/** How kernels begin that keep values in 16 bits: the first as rendered, the second for devices without the feature. */
const halfPreludes = () => {
  const [native, unpacked] = [false, true].map(unpacked => renderTemplate("wgsl/half", { unpacked }));
  return { native: native as string, unpacked: unpacked as string };
};

function describeBuffer(buffer: Buffer, ports: ReadonlyMap<string, string>): BufferDescriptor {
  const { name, elements, perImage, slot } = buffer;
  const half = buffer.elementBytes === 2 ? { half: true } : {};
  const port = ports.get(name);
  if (port !== undefined) return { at: "io", name: port, elements, perImage };
  if (slot) return { at: "scratch", name, elements, perImage, ...half, ...slot };
  return { at: buffer.role === "param" ? "param" : "derived", name, elements, perImage: false, ...half };
}

/** What a device must allow, at the largest batch. */
function requiredLimits(plan: Plan): ModelDescriptor["limits"] {
  const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);
  const bytes = (buffer: Buffer): number => bufferBytes(buffer) * (buffer.perImage ? plan.batch.max : 1);
  const steps = [...plan.setup, ...plan.steps];
  const binding = most([...plan.buffers.values()].map(bytes));
  return {
    maxBufferSize: Math.max(binding, most(plan.arenas) * plan.batch.max),
    maxStorageBufferBindingSize: binding,
    maxStorageBuffersPerShaderStage: most(steps.map(step => step.bindings.length)),
    maxComputeInvocationsPerWorkgroup: most(steps.map(({ workgroup: [x, y] }) => x * y)),
  };
}
