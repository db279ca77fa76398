import { invariant } from "../../diagnostics/invariant.ts";
import { renderTemplate } from "../../embedded/render-template.ts";
import type { ValueId } from "../../graph/graph.ts";
import type { Model } from "../../model/model.ts";
import type { FoldOp } from "../../plan/kernels.ts";
import { type Buffer, bytesOf, distinctKernels, type Plan, type Step, valueBy, valuesOf } from "../../plan/plan.ts";
import { banner } from "../banner.ts";
import type { EmitContext, OutputFile } from "../target.ts";
import { blocksFor, type CudaKernel, elementType, scalars, storageOf } from "./kernels/shared.ts";
import { sourceOf } from "./kernels.ts";
import { stemOf } from "./names.ts";

/** `stages.0.0.dwconv` → `stages_0_0_dwconv`. */
const identifier = (name: string): string => name.replace(/[^A-Za-z0-9]/g, "_");

/** The C and C++ sources of a model, as a folder that CMake builds. */
export function cudaFiles(plan: Plan, context: EmitContext, torch: boolean): readonly OutputFile[] {
  const { kernels } = distinctKernels(plan.steps);
  const lines = banner(context);
  const slashes = lines.map(line => `// ${line}\n`).join("");
  const shared = sharedOf(plan);
  const packing = packingOf(plan);
  const sources = [
    ...kernels.map(({ name }) => ({ file: `${name}.cu` })),
    { file: "pack.cu" },
    { file: `${shared.prefix}.cu` },
  ];
  const files: readonly (readonly [path: string, contents: string])[] = [
    ["device.h", slashes + renderTemplate("cuda/device", {})],
    [
      "kernels.h",
      slashes +
        renderTemplate("host/kernel-list", { ...packing, stepCount: mostSteps(plan), kernels: kernels.map(entryOf) }),
    ],
    ...kernels.map(one => [`${one.name}.cu`, slashes + kernelText(one, plan)] as const),
    ["pack.cu", slashes + packText(plan)],
    [
      shared.header,
      `/* ${lines.join("\n * ")} */\n${renderTemplate("host/c-api", apiContext(plan, context.model, shared))}`,
    ],
    [`${shared.prefix}.cu`, slashes + renderTemplate("host/launch-plan", planContext(plan, shared))],
    ["run.cu", slashes + renderTemplate("host/runner", runnerContext(plan, shared))],
    [
      "example.c",
      `/* ${lines.join("\n * ")} */\n${renderTemplate("host/example", { ...shared, ports: portsOf(plan) })}`,
    ],
    [
      "CMakeLists.txt",
      lines.map(line => `# ${line}\n`).join("") +
        renderTemplate("host/cmake", { ...shared, version: context.version, sources, torch }),
    ],
    ...(torch ? torchFiles(plan, context, shared) : []),
  ];
  const paths = files.map(([path]) => path.toLowerCase());
  invariant(new Set(paths).size === paths.length, `two of these files have one name: ${paths.join(", ")}`);
  return files.map(([path, contents]) => ({ path: `cuda/${path}`, contents }));
}

/** The namespace of a model's kernels, which PyTorch's operators share. */
const namespaceOf = (model: string): string => `cnxc_${model}`;

function namesOf(model: string) {
  const stem = stemOf(model);
  const upper = stem.toUpperCase();
  return { prefix: stem, upper, namespace: namespaceOf(model), package: stem, guard: `CNXC_${upper}_H` };
}
type Shared = ReturnType<typeof namesOf> & { readonly name: string; readonly scalar: string; readonly header: string };

function sharedOf({ name, precision }: Plan): Shared {
  const names = namesOf(name);
  return { ...names, name, scalar: scalars[storageOf(precision)], header: `${names.prefix}.h` };
}

const packingOf = (plan: Plan): Shared => ({ ...sharedOf(plan), scalar: elementType("matrix", plan.precision) });

/** The text of what packs the weights, without the banner. */
export const packText = (plan: Plan): string => renderTemplate("cuda/pack", packingOf(plan));

const entryOf = ({ name }: Step) => ({ entry: identifier(name) });

/** The text of one kernel's file, without the banner. */
export function kernelText(step: Step, plan: Plan): string {
  const kernel = sourceOf(step, plan);
  const launch: CudaKernel["context"] = launchContext(kernel, plan);
  const twice = Object.keys(launch).find(key => (kernel.context[key] ?? launch[key]) !== launch[key]);
  invariant(twice === undefined, `${kernel.template} and its launch both have '${twice}'`);
  return renderTemplate(kernel.template, {
    ...kernel.context,
    ...launch,
    namespace: namespaceOf(plan.name),
    entry: identifier(step.name),
  });
}

const launchContext = (kernel: CudaKernel, { precision }: Plan) => ({
  threads: kernel.threads,
  shared: kernel.shared,
  blocks: blocksFor(kernel.threads, kernel.registers),
  gridX: kernel.grid[0],
  gridY: kernel.grid[1],
  images: kernel.images === 0 ? null : kernel.images,
  imagesLess: kernel.images - 1,
  several: kernel.images > 1,
  counted: kernel.counted,
  operands: kernel.operands.map(({ role, storage, access, note }, index) => ({
    name: role,
    index,
    note,
    read: access === "read",
    type: elementType(storage, precision),
    last: index === kernel.operands.length - 1 && !kernel.counted,
  })),
});

/** Operators for PyTorch, and the Python module over them. */
function torchFiles(plan: Plan, context: EmitContext, shared: Shared) {
  const lines = banner(context);
  const text = torchContext(plan, context.model, shared);
  return [
    ["torch/CMakeLists.txt", lines.map(line => `# ${line}\n`).join("") + renderTemplate("host/torch-cmake", shared)],
    ["torch/binding.cpp", lines.map(line => `// ${line}\n`).join("") + renderTemplate("host/torch-binding", text)],
    [
      `torch/${shared.package}_torch.py`,
      lines.map(line => `# ${line}\n`).join("") + renderTemplate("host/torch-module", text),
    ],
  ] as const;
}

function torchContext(plan: Plan, model: Model, shared: Shared) {
  const numbered = portsOf(plan).map(({ shape, perImage, ...port }) => {
    const sizes = [...(perImage ? ["batch"] : []), ...shape];
    return {
      ...port,
      sizes: `{${sizes.join(", ")}}`,
      pythonSizes: `(${sizes.join(", ")}${sizes.length === 1 ? "," : ""})`,
    };
  });
  const ported = (of: typeof numbered) => of.map((port, i) => ({ ...port, last: i === of.length - 1 }));
  const [inputs, outputs] = [ported(numbered.filter(port => port.input)), ported(numbered.filter(port => !port.input))];
  const single = outputs.length === 1;
  return {
    ...apiContext(plan, model, shared),
    inputs,
    outputs,
    single,
    first: inputs[0]?.name,
    returns: single ? "Tensor" : `std::tuple<${outputs.map(() => "Tensor").join(", ")}>`,
    schemaReturns: single ? "Tensor" : `(${outputs.map(() => "Tensor").join(", ")})`,
  };
}

const portsOf = (plan: Plan) => {
  const inputs = new Set(plan.inputs);
  return [...plan.inputs, ...plan.outputs].map((port, index) => ({
    name: identifier(port.name),
    input: inputs.has(port),
    index,
    note: `${port.perImage ? "[batch]" : ""}${port.shape.map(size => `[${size}]`).join("")}${
      port.keep === null ? "" : `, 1 removes a patch, 0 keeps it; each image keeps ${port.keep}`
    }`,
    elements: port.shape.reduce((a, b) => a * b, 1),
    perImage: port.perImage,
    shape: port.shape,
  }));
};

function apiContext(plan: Plan, model: Model, shared: Shared) {
  const { height, width, channels } = model.input;
  return {
    ...shared,
    tf32: plan.precision === "tf32",
    summary: `ConvNeXt ${plan.name}, ${height}x${width}x${channels}, as CUDA kernels.`,
    batchMin: plan.batch.min,
    batchMax: plan.batch.max,
    parameterCount: plan.params.length,
    launchCount: plan.steps.length,
    ports: portsOf(plan),
    mask: plan.inputs.some(port => port.keep !== null),
  };
}

function planContext(plan: Plan, shared: Shared) {
  const places = placesOf(plan);
  const ids = new Map<string, ValueId>();
  for (const { name } of places) {
    const id = identifier(name);
    invariant(!ids.has(id), `'${name}' and '${ids.get(id)}' are one identifier`);
    ids.set(id, name);
  }
  const read = plan.steps.flatMap(({ kind, operands }) => operands.map(of => ({ ...of, kind })));
  /** What products read in their own type. */
  const stored = new Set(
    read.filter(of => products.has(of.kind) && of.storage === plan.precision).map(({ value }) => value),
  );
  const operandCount = Math.max(...plan.steps.map(({ operands }) => operands.length));
  const { kernels, ofStep } = distinctKernels(plan.steps);
  return {
    ...shared,
    parameters: plan.params.map(({ name, shape }) => ({
      name,
      id: identifier(name),
      elements: shape.reduce((a, b) => a * b, 1),
    })),
    values: places.map(({ name, place, at }) => ({ name, id: identifier(name), place, at })),
    weightBytes: plan.weightBytes,
    imageBytes: plan.arenas.reduce((a, b) => a + b, 0),
    counterBytes: [...plan.buffers.values()].reduce((sum, of) => sum + (of.role === "counters" ? bytesOf(of) : 0), 0),
    kept: places.filter(({ buffer }) => buffer.role === "param").map(({ name }) => ({ id: identifier(name) })),
    setup: plan.setup.map(step => packingContext(step, stored)),
    operandCount,
    steps: plan.steps.map(({ name, operands }, i) => ({
      name,
      entry: identifier((kernels[ofStep[i] as number] as Step).name),
      operands: Array.from({ length: operandCount }, (_, i) =>
        operands[i] === undefined ? "-1" : `value::${identifier(operands[i].value)}`,
      ).join(", "),
    })),
    batchMin: plan.batch.min,
    batchMax: plan.batch.max,
    ports: portsOf(plan),
    portCount: plan.inputs.length + plan.outputs.length,
  };
}

/** A layer's weight and bias, packed; in the type of products if it is one's, else in f32. */
function packingContext(step: Step, stored: ReadonlySet<ValueId>) {
  invariant(step.kind === "pack", `'${step.name}' is no packing`);
  const { columns, channels, taps, packed, fold } = step.params;
  const named = (role: string): ValueId => valueBy(step, role) ?? "";
  const parameter = (role: string): string => `parameter::${identifier(named(role))}`;
  const shape = [
    columns,
    channels,
    taps,
    packed.segment ?? 0,
    packed.depth,
    packed.columns,
    stored.has(named("packed")),
  ];
  const steps = fold.map(({ op, by }) => `{Op::${packingOps[op]}, ${parameter(by)}}`);
  return {
    layer: `{{${shape.join(", ")}}, ${parameter("weight")}, ${parameter("bias")}, {${steps.join(", ")}}}`,
    packed: identifier(named("packed")),
    packedBias: identifier(named("packed_bias")),
  };
}

const packingOps: Readonly<Record<FoldOp, string>> = {
  scaleInputs: "scale_inputs",
  scaleOutputs: "scale_outputs",
  scaleBias: "scale_bias",
  biasThrough: "bias_through",
};

/** Steps of the layer with most; an array in C has at least one. */
const mostSteps = ({ setup }: Plan): number =>
  Math.max(1, ...setup.map(step => (step.kind === "pack" ? step.params.fold.length : 0)));

const products: ReadonlySet<Step["kind"]> = new Set(["gemm", "mlp", "downsample", "gemv"]);

interface Placed {
  readonly name: ValueId;
  readonly buffer: Buffer;
  readonly place: "port" | "weights" | "counters" | "workspace";
  readonly at: number;
}

/** Where every value lies that a launch touches: ports, weights in their order, counters, and scratch as it is written. */
function placesOf(plan: Plan): readonly Placed[] {
  const all = [...plan.buffers.values()];
  const ports = [...plan.inputs, ...plan.outputs].map(({ buffer }, at): Placed => {
    return { name: buffer, buffer: plan.buffers.get(buffer) as Buffer, place: "port", at };
  });
  const placed = (buffers: readonly Buffer[], place: Placed["place"]) =>
    buffers.map((buffer): Placed => ({ name: buffer.name, buffer, place, at: buffer.slot?.offset ?? 0 }));
  const weights = all.filter(({ slot }) => slot?.arena === "weights");
  const written = [...new Set(plan.steps.flatMap(writtenInOrder))].map(name => plan.buffers.get(name) as Buffer);
  return [
    ...ports,
    ...placed(
      weights.sort((a, b) => (a.slot?.offset ?? 0) - (b.slot?.offset ?? 0)),
      "weights",
    ),
    ...placed(
      all.filter(({ role }) => role === "counters"),
      "counters",
    ),
    ...placed(
      written.filter(({ role }) => role === "scratch"),
      "workspace",
    ),
  ];
}

/** What a step writes, by name. */
const writtenInOrder = (step: Step): readonly ValueId[] => [...valuesOf(step, "write")].sort();

const runnerContext = (plan: Plan, shared: Shared) => {
  const ports = portsOf(plan);
  const numbered = (of: typeof ports) => of.map((port, index) => ({ ...port, index }));
  return {
    ...shared,
    inputs: numbered(ports.filter(port => port.input)),
    outputs: numbered(ports.filter(port => !port.input)),
    runs: 2,
  };
};
