import { parseWgsl, validate } from "naga-wasm";

/** What naga, the compiler of Firefox and wgpu, has against a module, or null. It knows no `enable subgroups`. */
export function nagaError(code: string): string | null {
  try {
    const module = parseWgsl(code);
    try {
      validate(module).free();
      return null;
    } finally {
      module.free();
    }
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}
