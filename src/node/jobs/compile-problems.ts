import type { Unit } from "../../compile.ts";
import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { preprocessKernelProblems } from "../../emit/wgsl/preprocess.ts";
import type { Model } from "../../model/model.ts";
import type { Request } from "../../model/select.ts";
import { channelsRead } from "../../preprocess/picture.ts";
import type { CompileRequest } from "./compile.ts";

/** Options of targets that are not made, or of other models; TF32 is also a way to multiply f32 alone. */
export function misplacedOption(
  {
    tf32,
    torch,
    cudaTuning,
    preprocess,
    bundle,
    onnx,
  }: Pick<CompileRequest, "tf32" | "torch" | "cudaTuning" | "preprocess" | "bundle" | "onnx">,
  requests: readonly Request[],
): Diagnostic | null {
  const narrow = requests.find(({ dtype }) => dtype !== "f32");
  if (tf32 && narrow) return error("tf32-misplaced", null, narrow.dtype, "--dtype f32");
  const targets = [...new Set(requests.map(({ target }) => target))];
  const sized = targets.filter(target => target !== "onnx");
  if (onnx.anySize && sized.length > 0) return error("any-size-kernels", null, sized.join(" and "));
  const other = requests.find(({ model }) => channelsRead(model) !== 3);
  if (preprocess && other) return error("preprocess-channels", null, other.model.name, other.model.input.channels);
  const rough = requests.flatMap(({ model, target }) => (target === "wgsl" ? preprocessKernelProblems(model) : []))[0];
  if (preprocess && rough) return rough;
  if (preprocess && targets.every(target => target === "cuda"))
    return error("preprocess-misplaced", null, "--target cuda alone", "--target wgsl or onnx");
  if (bundle && !targets.includes("wgsl")) return error("bundle-misplaced", null, targets.join(" and "));
  if (targets.every(target => target === "onnx") && requests.some(({ recipe }) => recipe !== null))
    return error("train-misplaced", null, "onnx");
  if (targets.includes("cuda")) return null;
  if (tf32) return error("tf32-misplaced", null, `for ${targets.join(" and ")}`, "--target cuda");
  if (cudaTuning !== null) return error("cuda-tuning-misplaced", null, targets.join(" and "));
  return torch ? error("torch-misplaced", null, targets.join(" and ")) : null;
}

/** Models of one name from two specs would write over each other. */
export function clashes(units: readonly Unit[]): readonly Diagnostic[] {
  const seen = new Map<string, Model>();
  const found = new Map<string, Diagnostic>();
  for (const { model } of units) {
    const key = model.name.toLowerCase();
    const other = seen.get(key);
    if (other && other !== model) found.set(key, error("output-clash", model.span, model.name));
    seen.set(key, model);
  }
  return [...found.values()];
}
