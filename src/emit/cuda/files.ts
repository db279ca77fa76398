import { invariant } from "../../diagnostics/invariant.ts";
import { renderTemplate } from "../../embedded/render-template.ts";
import type { ValueId } from "../../graph/graph.ts";
import type { Model } from "../../model/model.ts";
import { banner } from "../banner.ts";
import type { EmitContext, OutputFile } from "../target.ts";
import { blocksFor, type CudaKernel, elementType, scalars } from "./kernels/shared.ts";
import { stemOf } from "./names.ts";
import type { Allocation, CudaProgram, NamedKernel } from "./program.ts";

/** `stages.0.0.dwconv` → `stages_0_0_dwconv`. */
const identifier = (name: string): string => name.replace(/[^A-Za-z0-9]/g, "_");

/** The C and C++ sources of a model, as a folder that CMake builds. */
export function cudaFiles(program: CudaProgram, context: EmitContext, torch: boolean): readonly OutputFile[] {
  const { kernels } = program;
  const lines = banner(context);
  const slashes = lines.map(line => `// ${line}\n`).join("");
  const shared = sharedOf(program);
  const packing = packingOf(program);
  const sources = [
    ...kernels.map(({ name }) => ({ file: `${name}.cu` })),
    { file: "pack.cu" },
    { file: `${shared.prefix}.cu` },
  ];
  const files: readonly (readonly [path: string, contents: string])[] = [
    ["device.h", slashes + renderTemplate("cuda/device", {})],
    ["kernels.h", slashes + renderTemplate("host/kernel-list", { ...packing, kernels: kernels.map(entryOf) })],
    ...kernels.map(one => [`${one.name}.cu`, slashes + kernelText(one, program)] as const),
    ["pack.cu", slashes + packText(program)],
    [
      shared.header,
      `/* ${lines.join("\n * ")} */\n${renderTemplate("host/c-api", apiContext(program, context.model, shared))}`,
    ],
    [`${shared.prefix}.cu`, slashes + renderTemplate("host/launch-plan", planContext(program, shared))],
    ["run.cu", slashes + renderTemplate("host/runner", runnerContext(program, shared))],
    [
      "example.c",
      `/* ${lines.join("\n * ")} */\n${renderTemplate("host/example", { ...shared, ports: portsOf(program) })}`,
    ],
    [
      "CMakeLists.txt",
      lines.map(line => `# ${line}\n`).join("") +
        renderTemplate("host/cmake", { ...shared, version: context.version, sources, torch }),
    ],
    ...(torch ? torchFiles(program, context, shared) : []),
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

function sharedOf({ plan, dtype }: CudaProgram): Shared {
  const names = namesOf(plan.name);
  return { ...names, name: plan.name, scalar: scalars[dtype], header: `${names.prefix}.h` };
}

const packingOf = (program: CudaProgram): Shared => ({ ...sharedOf(program), scalar: elementType("matrix", program) });

/** The text of what packs the weights, without the banner. */
export const packText = (program: CudaProgram): string => renderTemplate("cuda/pack", packingOf(program));

const entryOf = ({ name }: NamedKernel) => ({ entry: identifier(name) });

/** The text of one kernel's file, without the banner. */
export function kernelText({ name, kernel }: NamedKernel, program: CudaProgram): string {
  const launch: CudaKernel["context"] = launchContext(kernel, program);
  const twice = Object.keys(launch).find(key => (kernel.context[key] ?? launch[key]) !== launch[key]);
  invariant(twice === undefined, `${kernel.template} and its launch both have '${twice}'`);
  return renderTemplate(kernel.template, {
    ...kernel.context,
    ...launch,
    namespace: namespaceOf(program.plan.name),
    entry: identifier(name),
  });
}

const launchContext = (kernel: CudaKernel, program: CudaProgram) => ({
  threads: kernel.threads,
  shared: kernel.shared,
  blocks: blocksFor(kernel.threads, kernel.registers),
  gridX: kernel.grid[0],
  gridY: kernel.grid[1],
  images: kernel.images === 0 ? null : kernel.images,
  imagesLess: kernel.images - 1,
  several: kernel.images > 1,
  counted: kernel.counted,
  operands: kernel.operands.map(({ name, storage, access, note }, index) => ({
    name,
    index,
    note,
    read: access === "read",
    type: elementType(storage, program),
    last: index === kernel.operands.length - 1 && !kernel.counted,
  })),
});

/** Operators for PyTorch, and the Python module over them. */
function torchFiles(program: CudaProgram, context: EmitContext, shared: Shared) {
  const lines = banner(context);
  const text = torchContext(program, context.model, shared);
  return [
    ["torch/CMakeLists.txt", lines.map(line => `# ${line}\n`).join("") + renderTemplate("host/torch-cmake", shared)],
    ["torch/binding.cpp", lines.map(line => `// ${line}\n`).join("") + renderTemplate("host/torch-binding", text)],
    [
      `torch/${shared.package}_torch.py`,
      lines.map(line => `# ${line}\n`).join("") + renderTemplate("host/torch-module", text),
    ],
  ] as const;
}

function torchContext(program: CudaProgram, model: Model, shared: Shared) {
  const numbered = portsOf(program).map(({ shape, perImage, ...port }) => {
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
    ...apiContext(program, model, shared),
    inputs,
    outputs,
    single,
    first: inputs[0]?.name,
    returns: single ? "Tensor" : `std::tuple<${outputs.map(() => "Tensor").join(", ")}>`,
    schemaReturns: single ? "Tensor" : `(${outputs.map(() => "Tensor").join(", ")})`,
  };
}

const portsOf = ({ plan }: CudaProgram) => {
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

function apiContext(program: CudaProgram, model: Model, shared: Shared) {
  const { plan, launches } = program;
  const { height, width, channels } = model.input;
  return {
    ...shared,
    tf32: program.tf32,
    summary: `ConvNeXt ${plan.name}, ${height}x${width}x${channels}, as CUDA kernels.`,
    batchMin: plan.batch.min,
    batchMax: plan.batch.max,
    parameterCount: plan.params.length,
    launchCount: launches.length,
    ports: portsOf(program),
    mask: plan.inputs.some(port => port.keep !== null),
  };
}

function planContext(program: CudaProgram, shared: Shared) {
  const { plan, allocations, setup, launches, kernels, kept } = program;
  const ids = new Map<string, ValueId>();
  for (const value of allocations.keys()) {
    const id = identifier(value);
    invariant(!ids.has(id), `'${value}' and '${ids.get(id)}' are one identifier`);
    ids.set(id, value);
  }
  const operandCount = Math.max(...launches.map(({ operands }) => operands.length));
  const parameters = plan.params.map(({ name, shape }) => ({
    name,
    id: identifier(name),
    elements: shape.reduce((a, b) => a * b, 1),
  }));
  return {
    ...shared,
    parameters,
    values: [...allocations].map(([name, place]) => ({
      name,
      id: identifier(name),
      place: place.kind,
      at: offsetOf(place),
    })),
    weightBytes: program.weightBytes,
    imageBytes: program.imageBytes,
    counterBytes: program.counterBytes,
    kept: kept.map(name => ({ id: identifier(name) })),
    setup: setup.map(({ params, reads, packed, packedBias, inStorageType }) => ({
      shape: `{${[params.columns, params.channels, params.taps, params.packed.segment, params.packed.depth, params.packed.columns, inStorageType].join(", ")}}`,
      sources: ["weight", "bias", "gamma", "beta", "rowscale"]
        .map(role => (reads[role] === undefined ? "-1" : `parameter::${identifier(reads[role])}`))
        .join(", "),
      packed: identifier(packed),
      packedBias: identifier(packedBias),
    })),
    operandCount,
    steps: launches.map(({ name, kernel, operands }) => ({
      name,
      entry: identifier((kernels[kernel] as NamedKernel).name),
      operands: Array.from({ length: operandCount }, (_, i) =>
        operands[i] === undefined ? "-1" : `value::${identifier(operands[i])}`,
      ).join(", "),
    })),
    batchMin: plan.batch.min,
    batchMax: plan.batch.max,
    ports: portsOf(program),
    portCount: plan.inputs.length + plan.outputs.length,
  };
}

const offsetOf = (place: Allocation): number => (place.kind === "counters" ? 0 : place.at);

const runnerContext = (program: CudaProgram, shared: Shared) => {
  const ports = portsOf(program);
  const numbered = (of: typeof ports) => of.map((port, index) => ({ ...port, index }));
  return {
    ...shared,
    inputs: numbered(ports.filter(port => port.input)),
    outputs: numbered(ports.filter(port => !port.input)),
    runs: 2,
  };
};
