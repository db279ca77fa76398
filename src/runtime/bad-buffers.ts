import { ModelError } from "./errors.ts";
import { type Inputs, isBuffer } from "./inputs.ts";

const computeStage = 4;

/** Whether WebGPU has something against some calls. */
async function isInvalid(device: GPUDevice, calls: () => void): Promise<boolean> {
  device.pushErrorScope("validation");
  calls();
  return (await device.popErrorScope()) !== null;
}

/** What is wrong with a caller's buffer, as far as it can be found out; null where nothing is. */
async function problemOf(device: GPUDevice, buffer: GPUBuffer): Promise<string | null> {
  if (buffer.mapState !== "unmapped") return "is mapped: unmap it first";
  let group: GPUBindGroup;
  const bind = (): void => {
    const entry = { binding: 0, visibility: computeStage, buffer: { type: "read-only-storage" } } as const;
    const layout = device.createBindGroupLayout({ entries: [entry] });
    group = device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer } }] });
  };
  if (await isInvalid(device, bind)) return "is no buffer of the model's device: copy it there";
  const use = (): void => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setBindGroup(0, group);
    pass.end();
    device.queue.submit([encoder.finish()]);
  };
  return (await isInvalid(device, use)) ? "was destroyed: give one that is not" : null;
}

/**
 * A run that was rejected is so for one of the caller's buffers more often than not. WebGPU does not say of a buffer whose it
 * is, or whether there is any, so that is tried once something has gone wrong: an InputError that names it, or what it was.
 */
export async function blamed(cause: unknown, inputs: Inputs, device: GPUDevice): Promise<unknown> {
  if (!(cause instanceof ModelError) || cause.code !== "shader") return cause;
  for (const [name, given] of Object.entries(inputs)) {
    const problem = isBuffer(given) ? await problemOf(device, given).catch(() => null) : null;
    if (problem !== null) return new ModelError("input", `input '${name}' ${problem}`);
  }
  return cause;
}
