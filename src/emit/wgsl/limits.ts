import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { bytesOf, type Plan } from "../../plan/plan.ts";

/** WebGPU's default limits: what every implementation allows. */
const defaults = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27, groups: 65535 } as const;

/** Where a value or a grid is larger than WebGPU's default limits allow at the largest batch. */
export function wgslProblems(plan: Plan): readonly Diagnostic[] {
  const { max } = plan.batch;
  const images = (perImage: boolean): number => (perImage ? max : 1);
  const most = (bytes: number, allowed: number): string => {
    const fits = Math.floor((allowed * max) / bytes);
    return fits >= 1 && max > 1 ? `a batch of ${fits} fits` : "choose a smaller input or model";
  };
  const large = [...plan.buffers.values()].flatMap(buffer => {
    const bytes = bytesOf(buffer) * images(buffer.perImage);
    const [limit, allowed] = ["maxStorageBufferBindingSize", defaults.maxStorageBufferBindingSize] as const;
    const what = `'${buffer.name}'`;
    return bytes > allowed
      ? [error("binding-too-large", buffer.span, what, bytes, limit, allowed, most(bytes, allowed))]
      : [];
  });
  const arenas = plan.arenas.flatMap((size, i) => {
    const bytes = size * max;
    const [limit, allowed] = ["maxBufferSize", defaults.maxBufferSize] as const;
    return bytes > allowed
      ? [error("binding-too-large", null, `scratch arena ${i}`, bytes, limit, allowed, most(bytes, allowed))]
      : [];
  });
  const grids = [...plan.setup, ...plan.steps].flatMap(({ name, span, grid, images: each }) => {
    const groups = Math.max(...grid, images(each > 0));
    return groups > defaults.groups ? [error("grid-too-large", span, `'${name}'`, groups, defaults.groups)] : [];
  });
  return large.length > 0 ? large : [...arenas, ...grids];
}

/** How many images WebGPU's default limits hold. */
export function mostImages({ buffers, arenas }: Plan): number {
  const bindings = [...buffers.values()].filter(({ perImage }) => perImage).map(bytesOf);
  return Math.min(
    defaults.groups,
    ...bindings.map(bytes => Math.floor(defaults.maxStorageBufferBindingSize / bytes)),
    ...arenas.map(bytes => Math.floor(defaults.maxBufferSize / bytes)),
  );
}
