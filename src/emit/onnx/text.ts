import type { OnnxAttribute, OnnxValueInfo } from "../onnx-proto.ts";
import type { Unwritten } from "./files.ts";
import { dtypeOf, type Initializer } from "./writer.ts";

/** The model as text, one line a node, for people and for diffs. Weights show as shapes only. */
export function onnxText(model: Unwritten): string {
  const { graph } = model;
  const lines = [
    `onnx ${graph.name} {ir: ${model.irVersion}, opset: ${model.opset}}`,
    ...graph.inputs.map(value => `input %${type(value)}`),
    ...graph.initializers.map(constant),
    ...graph.nodes.map(
      ({ op, inputs, outputs, attributes }) =>
        `${names(outputs)} = ${op}(${names(inputs)})${attributes.length === 0 ? "" : ` {${attributes.map(attribute).join(", ")}}`}`,
    ),
    ...graph.outputs.map(value => `output %${type(value)}`),
  ];
  return `${lines.join("\n")}\n`;
}

const names = (list: readonly string[]): string => list.map(name => `%${name}`).join(", ");
const type = ({ name, dtype, shape }: OnnxValueInfo): string => `${name}: ${dtype}[${shape.join(",")}]`;

const constant = (initializer: Initializer): string => {
  const { name, shape } = initializer;
  const typed = `%${name}: ${dtypeOf(initializer)}[${shape.join(",")}]`;
  if (initializer.kind === "computed") return `weight ${typed}`;
  const { data } = initializer;
  const values = data.every(value => value === data[0]) && data.length > 1 ? `${data[0]}…` : [...data].join(",");
  return `const ${typed} = ${values}`;
};

const attribute = ({ name, kind, value }: OnnxAttribute): string =>
  `${name}: ${kind === "ints" ? `[${value.join(",")}]` : value}`;
