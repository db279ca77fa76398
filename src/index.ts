/** The compiler as a library: text in, values out; nothing here touches files, a clock or a device. */
export {
  type Analysis,
  analyse,
  type Compilation,
  type CompileOptions,
  compile,
  type Emission,
  emit,
  lower,
  type Observer,
  type Planned,
  type Planning,
  plan,
  type Unit,
} from "./compile.ts";
export type { Diagnostic, Note, Place, Result, Source, Span } from "./diagnostics/diagnostic.ts";
export { formatDiagnostics } from "./diagnostics/format.ts";
export { onnx } from "./emit/onnx/onnx.ts";
export type { EmitContext, GraphTarget, KernelTarget, OutputFile, Target } from "./emit/target.ts";
export { describe } from "./emit/wgsl/descriptor.ts";
export { preprocessWgsl } from "./emit/wgsl/preprocess.ts";
export { randomMaskWgsl } from "./emit/wgsl/random-mask.ts";
export { type HostWriter, wgslTarget } from "./emit/wgsl/target.ts";
export { type Fusion, fusions } from "./explain.ts";
export { build } from "./graph/build.ts";
export { evaluate, type Values, widen } from "./graph/evaluate.ts";
export type { Graph, Node, ValueId } from "./graph/graph.ts";
export { print } from "./graph/print.ts";
export { read } from "./graph/read.ts";
export { hostFiles } from "./host/host-files.ts";
export { modelHash } from "./model/hash.ts";
export type { Batch, Model, Program } from "./model/model.ts";
export type { Plan } from "./plan/plan.ts";
export { printPlan } from "./plan/print.ts";
export { formatSpec } from "./syntax/format.ts";
export { readSafetensors, writeSafetensors } from "./weights/formats/safetensors.ts";
export { readTensorFile } from "./weights/formats/tensor-file.ts";
export { randomWeights } from "./weights/made/random.ts";
export { changeNames, type NameChanges } from "./weights/names/changes.ts";
export { type Dialect, dialects } from "./weights/names/names.ts";
export type { Param, TensorFile, Weights } from "./weights/tensor.ts";
export { type BindOptions, bindWeights } from "./weights/use/bind.ts";
export { type Conversion, type Converted, convertWeights } from "./weights/use/convert.ts";
export { type Inspection, inspectWeights } from "./weights/use/inspect.ts";
