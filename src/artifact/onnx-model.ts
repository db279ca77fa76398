import { type Diagnostic, ok, type Result } from "../diagnostics/diagnostic.ts";
import { catchingFailures, Failure } from "../diagnostics/failure.ts";
import { error, warning } from "../diagnostics/messages.ts";
import type { ByteSource } from "../weights/formats/source.ts";
import { checkGraph } from "./graph.ts";
import { type External, readInitializer } from "./initializers.ts";
import { decodeOnnx } from "./onnx-messages.ts";
import { checkVersions } from "./onnx-versions.ts";

/** What an ONNX file holds, once it is found right. */
export interface OnnxSummary {
  readonly opset: number;
  readonly nodes: number;
  readonly initializers: number;
  /** Tensors whose bytes are in other files: whoever has a file system looks whether they are there. */
  readonly external: readonly External[];
  /** False where cnxc says that it was given none: then no file need hold them. */
  readonly weights: boolean;
}

/**
 * Reads an ONNX file as cnxc writes them and checks it without running it: the bytes as protobuf, the versions, every
 * operator, name and shape, and that initializers have the bytes which their shapes need. Weights are not read, and the
 * first mistake ends it. Errors E_O_FORMAT, E_O_VERSION and E_O_SHAPE, at a byte of the file.
 */
export const readOnnx = (source: ByteSource): Promise<Result<OnnxSummary>> =>
  catchingFailures(async () => {
    const model = await decodeOnnx(source);
    const place = (at: number) => ({ file: source.name, offset: at });
    const opset = checkVersions(model, place);
    if (model.graph === null) throw new Failure(error("onnx-graph", place(0), "there is none"));
    const warnings: Diagnostic[] = [];
    const initializers = [];
    for (const tensor of model.graph.initializers)
      initializers.push(
        await readInitializer(tensor, source, (name, keys) => {
          const shown = keys.slice(0, 3);
          warnings.push(warning("onnx-external-key", place(tensor.at), name, shown, keys.length - shown.length));
        }),
      );
    checkGraph(model.graph, initializers, place);
    const external = initializers.flatMap(({ external }) => external ?? []);
    const weights = model.metadata.find(({ key }) => key === "cnxc.weights")?.value !== "none";
    return ok(
      { opset, nodes: model.graph.nodes.length, initializers: initializers.length, external, weights },
      warnings,
    );
  });
