import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import proto from "onnx-proto";
import type { Kind } from "../../src/diagnostics/exit-codes.ts";
import type { DiagnosticCode } from "../../src/diagnostics/messages.ts";

/** Artefacts on disk and the outcome that checking them must give. Ids begin with the row of the list of bad inputs. */
export interface ArtifactRow {
  readonly id: string;
  readonly title: string;
  /** Makes the mistake in a folder that `layOut` has filled. Of an ONNX file it is made with a manifest that agrees. */
  readonly change: (folder: string) => void;
  /** The first diagnostic, errors before warnings; null where nothing is said. */
  readonly expected: Expected;
}

export type Expected = { readonly kind: Kind; readonly code: DiagnosticCode } | null;

/** Where the parts of a filled folder stand. */
export const manifestFile = "cnxc.manifest.json";
export const modelFile = "micro/onnx/model.onnx";
export const dataFile = "micro/onnx/model.onnx_data";
export const kernelFile = "micro/wgsl/pool.wgsl";

/** The messages of onnx-proto as plain objects that can be changed. */
// biome-ignore lint/suspicious/noExplicitAny: its own types collapse to it
export type Loose = any;
export const { onnx }: Loose = proto;

/** Writes a file that the manifest lists, and says so in the manifest. */
export function rewrite(folder: string, file: string, bytes: Uint8Array): void {
  fs.writeFileSync(path.join(folder, file), bytes);
  editManifest(folder, manifest => {
    const entry = { path: file, size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
    manifest.specs[0].files = [...manifest.specs[0].files.filter((one: Loose) => one.path !== file), entry];
  });
}

export function editManifest(folder: string, edit: (manifest: Loose) => void): void {
  const file = path.join(folder, manifestFile);
  const manifest = JSON.parse(fs.readFileSync(file, "utf8"));
  edit(manifest);
  fs.writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
}

export function editModel(folder: string, edit: (model: Loose) => void): void {
  const model = onnx.ModelProto.decode(fs.readFileSync(path.join(folder, modelFile)));
  edit(model);
  rewrite(folder, modelFile, onnx.ModelProto.encode(model).finish());
}

/** The same compiled folder with its weights in a file beside the model, as those above 1 GB are. */
export function moveWeightsOut(folder: string): void {
  const parts: Uint8Array[] = [];
  let end = 0;
  editModel(folder, model => {
    for (const tensor of model.graph.initializer) {
      if (tensor.name.startsWith("const/")) continue;
      const { rawData } = tensor;
      const places = { location: path.basename(dataFile), offset: `${end}`, length: `${rawData.length}` };
      tensor.externalData = Object.entries(places).map(([key, value]) => ({ key, value }));
      tensor.dataLocation = 1;
      delete tensor.rawData;
      parts.push(rawData);
      end += rawData.length;
    }
  });
  rewrite(folder, dataFile, Buffer.concat(parts));
}
