import * as fs from "node:fs";
import * as path from "node:path";
import {
  type ArtifactRow,
  dataFile,
  editManifest,
  editModel,
  type Expected,
  type Loose,
  modelFile,
  rewrite,
} from "./artifacts-build.ts";

const wire: Expected = { kind: "E_O_FORMAT", code: "onnx-wire" };
const foreign: Expected = { kind: "E_O_FORMAT", code: "onnx-foreign" };
const graph: Expected = { kind: "E_O_FORMAT", code: "onnx-graph" };
const data: Expected = { kind: "E_O_FORMAT", code: "onnx-data" };
const shape: Expected = { kind: "E_O_SHAPE", code: "onnx-shape" };
const versions: Expected = { kind: "E_O_VERSION", code: "onnx-version" };
const astray: Expected = { kind: "E_O_PATH", code: "artifact-path" };
const missing: Expected = { kind: "E_IO_NOTFOUND", code: "file-not-found" };
const ignored: Expected = { kind: "W_O", code: "onnx-external-key" };

const model = (id: string, title: string, expected: Expected, edit: (model: Loose) => void): ArtifactRow => ({
  id,
  title,
  expected,
  change: folder => editModel(folder, edit),
});
const bytes = (id: string, title: string, expected: Expected, edit: (bytes: Buffer) => Uint8Array): ArtifactRow => ({
  id,
  title,
  expected,
  change: folder => rewrite(folder, modelFile, edit(fs.readFileSync(path.join(folder, modelFile)))),
});

/** What stands outside: the first tensor whose bytes are in the data file. */
const outside = ({ graph }: Loose): Loose => graph.initializer.find((tensor: Loose) => tensor.dataLocation === 1);
const inside = ({ graph }: Loose): Loose => graph.initializer.find((tensor: Loose) => tensor.rawData.length > 0);
const nodeOf = ({ graph }: Loose, op: string): Loose => graph.node.find((node: Loose) => node.opType === op);
const attributeOf = (node: Loose, name: string): Loose => node.attribute.find((one: Loose) => one.name === name);
const external = (id: string, title: string, expected: Expected, fields: Readonly<Record<string, string>>): ArtifactRow =>
  model(id, title, expected, model => {
    const tensor = outside(model);
    const kept = tensor.externalData.filter(({ key }: Loose) => !(key in fields));
    tensor.externalData = [...kept, ...Object.entries(fields).map(([key, value]) => ({ key, value }))];
  });

const locations = ["../secret", "a/../../b", "/etc/passwd", "C:\\x", "\\\\host\\share", "", "./model.onnx_data", "a\0b"];

/** Puts the data file in a folder of its own that is a link; the manifest no longer lists it. */
function behindLinkedParent(folder: string): void {
  const elsewhere = `${folder}-elsewhere`;
  fs.mkdirSync(elsewhere);
  fs.renameSync(path.join(folder, dataFile), path.join(elsewhere, path.basename(dataFile)));
  fs.symlinkSync(elsewhere, path.join(folder, "micro/onnx/data"));
  unlist(folder, dataFile);
  editModel(folder, ({ graph }) => {
    for (const { externalData } of graph.initializer)
      for (const entry of externalData) if (entry.key === "location") entry.value = `data/${entry.value}`;
  });
}
/** The same for the file alone, by a link of either kind. */
function behindLink(folder: string, link: typeof fs.symlinkSync | typeof fs.linkSync): void {
  const elsewhere = `${folder}-elsewhere`;
  fs.renameSync(path.join(folder, dataFile), elsewhere);
  link(elsewhere, path.join(folder, dataFile));
  unlist(folder, dataFile);
}
const unlist = (folder: string, file: string): void =>
  editManifest(folder, manifest => {
    manifest.specs[0].files = manifest.specs[0].files.filter((entry: Loose) => entry.path !== file);
  });

const varint = (length: number): readonly number[] => [...new Array(length - 1).fill(0xff), 1];
/** A field of a model that holds text, with its bytes as they are given. */
const doc = (...of: readonly number[]): readonly number[] => [(2 << 3) | 2, ...of];

const wireRows: readonly ArtifactRow[] = [
  bytes("O20-varint-of-11-bytes", "a number of 11 bytes", wire, file => Buffer.from([0x08, ...varint(11), ...file])),
  bytes("O20-varint-beyond-64-bits", "a number of 70 bits", wire, file =>
    Buffer.from([0x08, ...new Array(9).fill(0xff), 0x7f, ...file]),
  ),
  bytes("O20-varint-cut", "the file ends in a number", wire, file => Buffer.concat([file, Buffer.from([0x08, 0xff])])),
  bytes("O20-group", "a group, which has no length", wire, file => Buffer.from([0x0b, ...file, 0x0c])),
  bytes("O20-end-of-group", "the end of a group that never began", wire, file => Buffer.from([0x0c, ...file])),
  bytes("O20-wire-type-6", "a wire type that is not defined", wire, file => Buffer.from([0x0e, ...file])),
  bytes("O20-field-0", "field number 0", wire, file => Buffer.from([0x00, 0x00, ...file])),
  bytes("O20-length-2-31", "a field of 2^31 bytes", wire, file =>
    Buffer.from([...doc(0x80, 0x80, 0x80, 0x80, 0x08), ...file]),
  ),
  bytes("O20-length-2-64", "a field of 2^64 - 1 bytes", wire, file =>
    Buffer.from([...doc(...new Array(9).fill(0xff), 1), ...file]),
  ),
  bytes("O20-cut", "a file cut in half", wire, file => file.subarray(0, file.length / 2)),
  bytes("O20-not-utf8", "a text that is not UTF-8", wire, file => Buffer.from([...file, ...doc(1, 0xff)])),
  bytes("O20-twice", "two graphs in one file", wire, file => Buffer.concat([file, file])),
  bytes("O20-unknown-field", "functions, which cnxc does not write", foreign, file => Buffer.from([...file, 0xca, 1, 0])),
  bytes("O20-long-text", "a text of 100,000 bytes", wire, file =>
    Buffer.concat([file, Buffer.from(doc(0xa0, 0x8d, 0x06)), Buffer.alloc(100_000, "a")]),
  ),
  bytes("O20-empty", "an empty file", versions, () => Buffer.alloc(0)),
  bytes("O20-html", "an HTML page", wire, () => Buffer.from("<!doctype html><title>404</title>\n")),
  bytes("O20-million-fields", "three million empty texts", wire, file =>
    Buffer.concat([file, Buffer.alloc(6_000_000, Buffer.from([(14 << 3) | 2, 0]))]),
  ),
];

const externalRows: readonly ArtifactRow[] = [
  ...locations.map((location, i) =>
    external(`O04-location-${i + 1}`, `external data in ${JSON.stringify(location)}`, astray, { location }),
  ),
  { id: "O05-external-symlink", title: "external data through a symbolic link", expected: astray, change: folder => behindLink(folder, fs.symlinkSync) },
  { id: "O05-external-hardlink", title: "external data through a hard link", expected: astray, change: folder => behindLink(folder, fs.linkSync) },
  { id: "O05-external-parent", title: "external data below a linked folder", expected: astray, change: behindLinkedParent },
  external("O06-missing", "external data in a file that is not there", missing, { location: "gone" }),
  model("O06-no-weights", "the same of a model that was compiled without weights", null, model => {
    model.metadataProps.find(({ key }: Loose) => key === "cnxc.weights").value = "none";
    for (const { externalData } of model.graph.initializer)
      for (const entry of externalData) if (entry.key === "location") entry.value = "gone";
  }),
  external("O08-negative", "offset -4", data, { offset: "-4" }),
  external("O08-text", "a text for an offset", data, { offset: "four" }),
  external("O08-fraction", "offset 4.0", data, { offset: "4.0" }),
  external("O08-beyond-2-53", "offset 2^53", data, { offset: "9007199254740992" }),
  external("O09-past-the-end", "an offset past the end of the file", data, { offset: "99999999" }),
  model("O09-last-byte", "offset and length one byte past the end", data, model => {
    const offset = outside(model).externalData.find(({ key }: Loose) => key === "offset");
    const last = model.graph.initializer.filter((tensor: Loose) => tensor.dataLocation === 1).at(-1);
    const at = last.externalData.find(({ key }: Loose) => key === "offset");
    offset.value = "0";
    at.value = `${Number(at.value) + 1}`;
  }),
  external("O09-length", "a length that the shape does not need", data, { length: "4" }),
  external("O10-class", "an external key __class__", ignored, { __class__: "x" }),
  external("O10-unknown", "external keys that nobody knows", ignored, { checksum: "0", owner: "me", a: "", b: "" }),
  model("O10-twice", "location given twice", data, model => {
    outside(model).externalData.push({ key: "location", value: "other" });
  }),
];

const graphRows: readonly ArtifactRow[] = [
  model("O12-opset-99", "opset 99", versions, ({ opsetImport }) => {
    opsetImport[0].version = 99;
  }),
  model("O12-opset-0", "opset 0", versions, ({ opsetImport }) => {
    opsetImport[0].version = 0;
  }),
  model("O12-two-imports", "two imports of one domain", versions, ({ opsetImport }) =>
    opsetImport.push({ domain: "ai.onnx", version: 20 }),
  ),
  model("O12-none", "no import", versions, model => {
    model.opsetImport = [];
  }),
  model("O13-ir-99", "IR version 99", versions, model => {
    model.irVersion = 99;
  }),
  model("O14-undefined", "an input that nothing makes", graph, model => {
    nodeOf(model, "MatMul").input[0] = "nothing";
  }),
  model("O14-unsorted", "nodes out of order", graph, ({ graph }) => graph.node.reverse()),
  model("O14-cycle", "two nodes that read each other", graph, ({ graph }) => {
    graph.node[0].input[0] = graph.node[1].output[0];
  }),
  model("O14-itself", "a node that reads what it makes", graph, ({ graph }) => {
    graph.node[1].input[0] = graph.node[1].output[0];
  }),
  model("O14-twice", "a tensor that two nodes make", graph, ({ graph }) => {
    graph.node[2].output[0] = graph.node[1].output[0];
  }),
  model("O14-no-such-output", "an output that nothing makes", graph, ({ graph }) => {
    graph.output[0].name = "nothing";
  }),
  model("O14-no-such-value", "a shape of a value that nothing makes", graph, ({ graph }) => {
    graph.valueInfo[0].name = "nowhere";
  }),
  model("O17-value-shape", "a value that is declared otherwise than the nodes make it", shape, ({ graph }) => {
    graph.valueInfo.at(-1).type.tensorType.shape.dim.at(-1).dimValue++;
  }),
  model("O14-no-graph", "a model without a graph", graph, model => {
    delete model.graph;
  }),
  model("O16-op", "an operator that does not exist", graph, model => {
    nodeOf(model, "MatMul").opType = "MatMull";
  }),
  model("O16-prototype", "an operator named constructor", graph, model => {
    nodeOf(model, "MatMul").opType = "constructor";
  }),
  model("O16-other-op", "an operator of ONNX that cnxc does not write", graph, model => {
    nodeOf(model, "MatMul").opType = "Loop";
  }),
  model("O16-domain", "an operator of another domain", graph, model => {
    nodeOf(model, "MatMul").domain = "com.example";
  }),
  model("O16-imported-domain", "an import of another domain", graph, ({ opsetImport }) =>
    opsetImport.unshift({ domain: "com.example", version: 1 }),
  ),
  model("O16-attribute", "an attribute that the operator does not have", graph, model => {
    nodeOf(model, "MatMul").attribute.push({ name: "alpha", f: 1, type: 1 });
  }),
  model("O16-arity", "an operator with an input too many", graph, model => {
    const node = nodeOf(model, "MatMul");
    node.input.push(node.input[0]);
  }),
  model("O17-input-type", "an input of no element type", graph, model => {
    model.graph.input[0].type.tensorType.elemType = 0;
  }),
  model("O17-output-type", "an output of doubles", graph, model => {
    model.graph.output[0].type.tensorType.elemType = 11;
  }),
  model("O17-group", "a Conv with a wrong group", shape, model => {
    const conv = model.graph.node.find((node: Loose) => attributeOf(node, "group"));
    attributeOf(conv, "group").i = 4;
  }),
  model("O17-group-0", "a Conv with group 0", shape, model => {
    const conv = model.graph.node.find((node: Loose) => attributeOf(node, "group"));
    attributeOf(conv, "group").i = 0;
  }),
  model("O17-kernel", "a Conv whose weight has another kernel", shape, model => {
    attributeOf(nodeOf(model, "Conv"), "kernel_shape").ints = [3, 3];
  }),
  model("O17-pads", "a Conv with other pads, which the next nodes cannot take", shape, model => {
    const conv = model.graph.node.find((node: Loose) => attributeOf(node, "pads"));
    attributeOf(conv, "pads").ints = [0, 0, 0, 0];
  }),
  model("O17-matmul", "a MatMul of a transposed weight", shape, model => {
    const node = nodeOf(model, "MatMul");
    node.input.reverse();
  }),
  model("O17-gemm", "a Gemm that transposes a weight which is right as it is", shape, model => {
    const node = nodeOf(model, "MatMul");
    Object.assign(node, { opType: "Gemm", attribute: [{ name: "transB", i: 1, type: 2 }] });
    node.input.push(inside(model).name);
  }),
  model("O17-perm", "a Transpose with a dimension twice", shape, model => {
    attributeOf(nodeOf(model, "Transpose"), "perm").ints = [0, 2, 2, 1];
  }),
  model("O17-declared", "an output declared otherwise", shape, ({ graph }) => {
    graph.output[0].type.tensorType.shape.dim[1].dimValue = 11;
  }),
  model("O18-short", "raw_data shorter than the shape", data, model => {
    const tensor = inside(model);
    tensor.rawData = tensor.rawData.subarray(4);
  }),
  model("O18-long", "raw_data longer than the shape", data, model => {
    const tensor = inside(model);
    tensor.rawData = Buffer.concat([tensor.rawData, Buffer.alloc(4)]);
  }),
  model("O18-none", "an initializer without data", data, model => {
    delete inside(model).rawData;
  }),
  model("O18-overflow", "dimensions whose product is beyond 2^53", data, model => {
    inside(model).dims = [2 ** 31, 2 ** 31, 2 ** 31];
  }),
  model("O18-negative", "a dimension of -1", data, model => {
    inside(model).dims = [-1];
  }),
  model("O18-rank", "nine dimensions of 1", data, model => {
    inside(model).dims = new Array(9).fill(1);
  }),
  model("O18-million-dimensions", "a million dimensions of 1", wire, model => {
    inside(model).dims = new Array(1_000_000).fill(1);
  }),
  model("O18-dtype", "an element type that cnxc does not store", data, model => {
    inside(model).dataType = 11;
  }),
];

export const artifactOnnxRows: readonly ArtifactRow[] = [...wireRows, ...externalRows, ...graphRows];
