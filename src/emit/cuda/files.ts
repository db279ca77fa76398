import { invariant } from "../../diagnostics/invariant.ts";
import { renderTemplate } from "../../embedded/render-template.ts";
import type { Model } from "../../model/model.ts";
import { distinctKernels, f16Params, type Plan, type Step } from "../../plan/plan.ts";
import type { Weights } from "../../weights/tensor.ts";
import { withinHalf } from "../../weights/use/within-half.ts";
import { banner } from "../banner.ts";
import type { EmitContext, OutputFile } from "../target.ts";
import { blocksFor, type CudaKernel, elementType, scalars, storageOf } from "./kernels/shared.ts";
import { sourceOf } from "./kernels.ts";
import { hasBare, hasTurned, launchPlan, mostSteps } from "./launch-plan.ts";
import { stemOf } from "./names.ts";
import { identifier, portsOf } from "./ports.ts";

/** The C and C++ sources of a model, as a folder that CMake builds. */
export function cudaFiles(plan: Plan, context: EmitContext, torch: boolean): readonly OutputFile[] {
  const { kernels } = distinctKernels(plan.steps);
  const lines = banner(context);
  const slashes = lines.map(line => `// ${line}\n`).join("");
  const shared = sharedOf(plan);
  const sources = [
    ...kernels.map(({ name }) => ({ file: `${name}.cu` })),
    { file: "pack.cu" },
    { file: `${shared.prefix}.cu` },
  ];
  const files: readonly (readonly [path: string, contents: string])[] = [
    ["device.h", slashes + deviceText(plan)],
    ["kernels.h", slashes + renderTemplate("host/kernel-list", kernelList(plan))],
    ...kernels.map(one => [`${one.name}.cu`, slashes + kernelText(one, plan)] as const),
    ["pack.cu", slashes + packText(plan)],
    [
      shared.header,
      `/* ${lines.join("\n * ")} */\n${renderTemplate("host/c-api", apiContext(plan, context.model, shared))}`,
    ],
    [`${shared.prefix}.cu`, slashes + renderTemplate("host/launch-plan", { ...shared, ...launchPlan(plan) })],
    ["run.cu", slashes + renderTemplate("host/runner", runnerContext(plan, shared))],
    ["example.c", `/* ${lines.join("\n * ")} */\n${renderTemplate("host/example", exampleContext(plan, shared))}`],
    [
      "CMakeLists.txt",
      lines.map(line => `# ${line}\n`).join("") +
        renderTemplate("host/cmake", { ...shared, version: context.version, sources, torch }),
    ],
    ...(torch ? torchFiles(plan, context, shared) : []),
  ];
  const paths = files.map(([path]) => path.toLowerCase());
  invariant(new Set(paths).size === paths.length, `two of these files have one name: ${paths.join(", ")}`);
  return [
    ...files.map(([path, contents]) => ({ path: `cuda/${path}`, contents })),
    ...(context.weights === null ? [] : [{ path: "cuda/weights.bin", contents: valuesOf(plan, context.weights) }]),
  ];
}

/** The parameters one after the other, as `example.c` and `run.cu` read them: little-endian f32. */
export async function* valuesOf(plan: Plan, weights: Weights): AsyncGenerator<Uint8Array> {
  const checked = withinHalf(weights, f16Params(plan));
  for (const { name } of plan.params) {
    const { buffer, byteOffset, byteLength } = await checked.f32(name);
    yield new Uint8Array(buffer, byteOffset, byteLength);
  }
}

/** The namespace of a model's kernels, which PyTorch's operators share. */
const namespaceOf = (model: string): string => `cnxc_${model}`;

function namesOf(model: string) {
  const stem = stemOf(model);
  const upper = stem.toUpperCase();
  return { prefix: stem, upper, namespace: namespaceOf(model), package: stem, guard: `CNXC_${upper}_H` };
}
type Shared = ReturnType<typeof namesOf> & {
  readonly name: string;
  readonly scalar: string;
  readonly header: string;
};

export function sharedOf({ name, precision }: Plan): Shared {
  const names = namesOf(name);
  return { ...names, name, scalar: scalars[storageOf(precision)], header: `${names.prefix}.h` };
}

/** What all kernels and the packing are declared by. */
export const kernelList = (plan: Plan) => ({
  ...packingOf(plan),
  turned: hasTurned(plan),
  stepCount: mostSteps(plan),
  kernels: distinctKernels(plan.steps).kernels.map(({ name }) => ({ entry: identifier(name) })),
});

const packingOf = (plan: Plan): Shared => ({ ...sharedOf(plan), scalar: elementType("matrix", plan.precision) });

/** The text of what all kernels include, with the rarer activations where one of them calls these. */
export function deviceText(plan: Plan): string {
  const called = new Set(plan.steps.map(step => sourceOf(step, plan).context.gelu));
  return renderTemplate("cuda/device", { silu: called.has("silu"), relu: called.has("relu") });
}

/** The text of what packs the weights, without the banner. */
export const packText = (plan: Plan, learned = false): string =>
  renderTemplate("cuda/pack", { ...packingOf(plan), bare: hasBare(plan), turned: hasTurned(plan), learned });

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
    learned: false,
    inputs,
    outputs,
    single,
    first: inputs[0]?.name,
    returns: single ? "Tensor" : `std::tuple<${outputs.map(() => "Tensor").join(", ")}>`,
    schemaReturns: single ? "Tensor" : `(${outputs.map(() => "Tensor").join(", ")})`,
  };
}

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

function exampleContext(plan: Plan, shared: Shared) {
  let argument = 2; // after the program and the weights
  const ports = portsOf(plan).map((port, i, all) => ({
    ...port,
    argument: port.input ? argument++ : null,
    last: i === all.length - 1,
  }));
  return { ...shared, ports, batchMin: plan.batch.min, single: plan.batch.min === 1, argumentCount: argument };
}

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
