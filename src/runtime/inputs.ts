import type { ModelDescriptor, Port } from "./descriptor.ts";
import { check, nameOf } from "./errors.ts";
import { bytesPerElement, elements, usage } from "./gpu.ts";
import { maskProblem } from "./mask.ts";

export type Inputs = Readonly<Record<string, Float32Array | GPUBuffer>>;
export type Buffers = Readonly<Record<string, GPUBuffer>>;

export const isBuffer = (value: unknown): value is GPUBuffer =>
  typeof value === "object" && value !== null && "mapState" in value;

/** Memory that others may change meanwhile, or that may shrink: WebGPU takes neither. */
export const isUnstable = ({ buffer }: { readonly buffer: unknown }): boolean =>
  nameOf(buffer) === "SharedArrayBuffer" || (buffer as { readonly resizable?: boolean }).resizable === true;

/** Values of an input or output for so many images. */
export const lengthOf = ({ shape, perImage }: Port, batch: number): number => elements(shape) * (perImage ? batch : 1);

/** Throws InputError unless the model was compiled for so many images. */
export function checkBatch({ name, batch: { min, max } }: ModelDescriptor, batch: number, what: string): void {
  const range = min === max ? `${min}` : `${min} to ${max}`;
  const fits = Number.isInteger(batch) && batch >= min && batch <= max;
  check(fits, "input", `${what} for ${batch} images, ${name} was compiled for ${range}`);
}

/** How many images the inputs hold; throws InputError where that is no number, or not one that they agree on. */
export function batchOf(descriptor: ModelDescriptor, inputs: Inputs): number {
  check(typeof inputs === "object" && inputs !== null, "input", "inputs are an object of arrays or buffers by name");
  let batch = 0;
  for (const { name, shape, keep } of descriptor.inputs) {
    const given: unknown = inputs[name];
    const what = `input '${name}'`;
    const images = `[N, ${shape.join(", ")}]`;
    check(given !== undefined && given !== null, "input", `no ${what} ${images}`);
    const array = given instanceof Float32Array;
    check(array || isBuffer(given), "input", `${what} is a Float32Array or a GPUBuffer`);
    check(
      !array || !isUnstable(given),
      "input",
      `${what} is in shared or resizable memory, which may change while it is read`,
    );
    const length = array ? given.length : given.size / bytesPerElement;
    const size = elements(shape);
    const count = length / size;
    const whole = length > 0 && Number.isInteger(count);
    check(whole, "input", `${what} has ${length} values, not a multiple of ${size}: ${images}`);
    checkBatch(descriptor, count, `${what} is`);
    check(batch === 0 || batch === count, "input", "the inputs hold different numbers of images");
    if (!array) checkBuffer(what, given, length * bytesPerElement);
    const problem = array && keep !== undefined ? maskProblem(given, { patches: size, keep }) : null;
    check(problem === null, "input", `${what}: ${problem}`);
    batch = count;
  }
  return batch;
}

/** Throws InputError unless there is a buffer for every input and output, each with room for the batch. */
export function checkBuffers({ inputs, outputs }: ModelDescriptor, buffers: Buffers, batch: number): void {
  for (const port of [...inputs, ...outputs]) {
    const given: unknown = buffers[port.name];
    check(isBuffer(given), "input", `no buffer for '${port.name}'`);
    checkBuffer(`the buffer for '${port.name}'`, given, lengthOf(port, batch) * bytesPerElement);
  }
}

function checkBuffer(what: string, buffer: GPUBuffer, bytes: number): void {
  check(buffer.size >= bytes, "input", `${what} has ${buffer.size} bytes, not the ${bytes} that it takes`);
  check((buffer.usage & usage.storage) !== 0, "input", `${what} lacks the usage STORAGE`);
}
