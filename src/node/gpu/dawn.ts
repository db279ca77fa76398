import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import { findPackage, howToInstall, importPackage } from "../process/packages.ts";

interface WebgpuPackage {
  readonly create: (options: string[]) => GPU;
  readonly globals: object;
}

export const dawnIsInstalled = (): boolean => findPackage("webgpu") !== null;

/** Dawn aborts the process when its instance is collected, so every instance lives as long as the process. */
const instances = new Map<string, GPU>();

/**
 * WebGPU in this process through npm `webgpu`, an optional peer. `options` are Dawn's own, such as `backend=null`.
 * Which drivers it finds was decided by the environment that this process was started with: see gpu-process.ts.
 */
export async function loadDawn(options: readonly string[] = []): Promise<Result<GPU>> {
  const key = options.join("\n");
  const known = instances.get(key);
  if (known !== undefined) return ok(known);
  try {
    const loaded = (await importPackage("webgpu")) as WebgpuPackage | null;
    if (loaded === null) return fail(missingDawn);
    for (const [name, value] of Object.entries(loaded.globals)) if (!(name in globalThis)) define(name, value);
    const gpu = loaded.create([...options]);
    instances.set(key, gpu);
    return ok(gpu);
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause);
    return fail(error("tool-failed", null, "npm package webgpu", reason));
  }
}

export const missingDawn = withNote(
  error("missing-tool", null, "the npm package webgpu", "running WebGPU outside a browser", howToInstall("webgpu")),
  "it brings Dawn, the WebGPU of Chromium; it is optional, so that compiling needs no native code",
);

/** `GPUBufferUsage` and the other constants that a browser has as globals. */
const define = (name: string, value: unknown) =>
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });

export interface WgslMessage {
  readonly type: "error" | "warning" | "info";
  readonly message: string;
  readonly line: number;
  readonly column: number;
  readonly offset: number;
  readonly length: number;
}

/** What Tint, the compiler of Chromium, says about a module. Needs no driver; f16 and subgroups are on. */
export async function validateWgsl(code: string): Promise<Result<readonly WgslMessage[]>> {
  const gpu = await loadDawn(["backend=null"]);
  if (!gpu.ok) return gpu;
  const device = await nullDevice(gpu.value);
  device.pushErrorScope("validation");
  const info = await device.createShaderModule({ code }).getCompilationInfo();
  await device.popErrorScope();
  return ok(
    info.messages.map(({ type, message, lineNum, linePos, offset, length }) => ({
      type,
      message,
      line: lineNum,
      column: linePos,
      offset,
      length,
    })),
  );
}

let device: Promise<GPUDevice> | null = null;
const nullDevice = (gpu: GPU): Promise<GPUDevice> => {
  device ??= (async () => {
    const adapter = await gpu.requestAdapter();
    if (adapter === null) throw new Error("Dawn has no null backend");
    const features = ["shader-f16", "subgroups"] as const;
    return adapter.requestDevice({ requiredFeatures: features.filter(feature => adapter.features.has(feature)) });
  })();
  return device;
};
