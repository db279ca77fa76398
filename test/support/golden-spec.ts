import type { Golden } from "./golden.ts";

interface Spec {
  readonly num_classes: number;
  readonly depths: readonly number[];
  readonly dims: readonly number[];
  readonly kernel_size: number | readonly number[];
  readonly mlp_ratio?: number;
  readonly activation?: string;
  readonly stem_patch?: number;
  readonly grn?: string;
  readonly layer_scale?: boolean;
  readonly conv_bias?: boolean;
  readonly stem?: string;
  readonly norm_layer?: string;
  readonly norm_eps?: number;
  readonly hidden_size?: number;
  readonly norm_first?: boolean;
}

const stated = (spec: Spec, name: keyof Spec): string => (spec[name] === undefined ? "" : ` ${name} ${spec[name]}`);

/** The model a dense or options golden file was recorded from, as a user writes it; what the file leaves out is left out. */
export function goldenSpecText(golden: Golden, name: string): string {
  const spec = golden.spec as unknown as Spec;
  const [, channels, height, width] = golden.input.shape;
  const list = (of: number | readonly number[]): string => (typeof of === "number" ? `${of}` : `[${of.join(", ")}]`);
  const fields: readonly (string | false)[] = [
    `depths ${list(spec.depths)}`,
    `dims ${list(spec.dims)}`,
    `input ${height}x${width}x${channels}`,
    `head classifier { classes ${spec.num_classes}${stated(spec, "hidden_size")}${stated(spec, "norm_first")} }`,
    `kernel_size ${list(spec.kernel_size)}`,
    spec.mlp_ratio !== undefined && `mlp_ratio ${spec.mlp_ratio}`,
    spec.activation !== undefined && `activation ${spec.activation}`,
    spec.stem_patch !== undefined && `stem patch ${spec.stem_patch}`,
    spec.norm_layer !== undefined && `norm_layer ${spec.norm_layer}`,
    spec.norm_eps !== undefined && `norm_eps ${spec.norm_eps}`,
    spec.stem !== undefined && `stem ${spec.stem}`,
    spec.grn !== undefined && `grn ${spec.grn}`,
    spec.layer_scale === true && "layer_scale 1e-6",
    spec.conv_bias !== undefined && `conv_bias ${spec.conv_bias}`,
  ];
  return `model ${name} {\n${fields
    .filter(field => field !== false)
    .map(field => `  ${field}\n`)
    .join("")}}\n`;
}
