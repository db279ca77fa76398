import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadOnnxCodec, type OnnxNode } from "../../src/emit/onnx-proto.ts";
import { evaluate } from "../../src/graph/evaluate.ts";
import { type Draft, type Graph, type Node, operand } from "../../src/graph/graph.ts";
import { rewrite } from "../../src/graph/rewrite.ts";
import { verify } from "../../src/graph/verify.ts";
import { openOnnx } from "../../src/node/executors/onnx.ts";
import { allPasses } from "../../src/passes/all.ts";
import { type Pass, runPasses } from "../../src/passes/pass.ts";
import { type Lifetime, layOut } from "../../src/plan/memory.ts";
import type { BufferDescriptor, ModelDescriptor } from "../../src/runtime/descriptor.ts";
import { compiledBytes } from "../onnx/compiled.ts";
import { type Golden, goldenInput, goldenWeights, readGolden } from "../support/golden.ts";
import { feed, goldenModel, mustBuild } from "../support/models.ts";
import { float32, relL2, worst } from "../support/tolerance.ts";
import { hasSwiftShader, startWebgpu, type WebgpuProcess } from "../support/webgpu-process.ts";
import { compiledWgsl } from "../support/wgsl.ts";
import { type WgslFault, wgslFaults } from "./wgsl-faults.ts";

/*
 * Mistakes planted one by one into what the compiler makes, and the checks of the suite held against them: a fault is
 * caught where the golden tolerance is missed, or where a verifier refuses. A fault that cannot be planted fails, so a
 * kernel that changes takes its faults along. None survives.
 */

type Dense = Golden & { readonly logits: { readonly values: number[] } };
const golden = (name: string): Dense => readGolden(`dense/${name}`);
const plain = golden("micro-64x64-b2");

/** The golden check itself. The limits of micro-offset are ten times those of the others. */
function passes(file: Dense, logits: ArrayLike<number>): boolean {
  const slack = file.name.includes("offset") ? 10 : 1;
  const wanted = file.logits.values;
  return relL2(logits, wanted) < slack * float32.logitsRelL2 && worst(logits, wanted) < slack * float32.logit;
}

describe.runIf(hasSwiftShader)("in a kernel", () => {
  let gpu: WebgpuProcess;
  beforeAll(async () => {
    gpu = await startWebgpu("swiftshader");
  });
  afterAll(() => gpu.end());

  const descriptorOf = (file: Dense): ModelDescriptor =>
    compiledWgsl({ model: goldenModel(file), batch: file.input.shape[0] ?? 1 });
  /** Whether the golden check lets it through; a shader that is refused does not pass. */
  const survives = async (file: Dense, descriptor: ModelDescriptor): Promise<boolean> => {
    const weights = { kind: "generated", seed: file.seed, rows: file.params } as const;
    const inputs = { pixel_values: Float32Array.from(goldenInput(file).values) };
    const result = await gpu.run({ descriptor, weights, runs: [inputs] }).catch(() => null);
    return result !== null && passes(file, result.outputs[0]?.logits ?? []);
  };

  const planted = (descriptor: ModelDescriptor, fault: WgslFault): ModelDescriptor => {
    let places = 0;
    const kernels = descriptor.kernels.map(({ name, code }) => {
      if (!fault.kernel.test(name)) return { name, code };
      const changed = fault.edits.reduce(
        (text, [from, to]) => text.replaceAll(typeof from === "string" ? from : new RegExp(from, "g"), to),
        code,
      );
      if (changed !== code) places++;
      return { name, code: changed };
    });
    expect(places, "the fault could not be planted").toBeGreaterThan(0);
    return { ...descriptor, kernels };
  };

  test.each(["micro-64x64-b2", "micro-eps-64x64-b2", "micro-tails-64x64-b2", "micro-offset-64x64-b2"])(
    "without a fault, %s passes",
    async name => {
      expect(await survives(golden(name), descriptorOf(golden(name)))).toBe(true);
    },
  );

  test.each(wgslFaults)("$name is caught", async fault => {
    const file = golden(fault.golden ?? "micro-64x64-b2");
    expect(await survives(file, planted(descriptorOf(file), fault))).toBe(false);
  });

  test("a missing barrier is caught, on an adapter where it does no harm too", () => {
    const arrays = (code: string): boolean => /var<workgroup>/.test(code);
    const count = (code: string): number => code.split("workgroupBarrier();").length - 1;
    const kernels = descriptorOf(plain).kernels.filter(({ code }) => arrays(code));
    const wanted = (name: string): number =>
      name.endsWith("grn.scale") || name.includes("downsample_layers.") ? 1 : 2;
    expect(kernels.length).toBeGreaterThan(8);
    const found = kernels.map(({ name, code }) => [name, count(code)]);
    expect(found).toEqual(kernels.map(({ name }) => [name, name === "downsample_layers.0.0" ? 2 : wanted(name)]));
  });

  const scratch = (buffer: BufferDescriptor): boolean => buffer.at === "scratch";
  const planFaults: readonly { readonly name: string; readonly plant: (d: ModelDescriptor) => ModelDescriptor }[] = [
    {
      name: "two steps in the wrong order",
      plant: d => {
        const steps = [...d.steps];
        const [a, b] = [steps[2], steps[3]];
        if (a && b) steps.splice(2, 2, b, a);
        return { ...d, steps };
      },
    },
    {
      name: "another layer's weights",
      plant: d => {
        const index = (name: string): number => d.buffers.findIndex(buffer => buffer.name === name);
        const swap = [index("stages.2.0.pwconv2.packed"), index("stages.2.1.pwconv2.packed")];
        expect(swap).not.toContain(-1);
        const other = (i: number): number => (i === swap[0] ? (swap[1] ?? i) : i === swap[1] ? (swap[0] ?? i) : i);
        return { ...d, steps: d.steps.map(step => ({ ...step, bindings: step.bindings.map(other) })) };
      },
    },
    {
      name: "all of scratch in one place",
      plant: d => ({
        ...d,
        buffers: d.buffers.map(
          buffer => (scratch(buffer) ? { ...buffer, arena: 0, offset: 0 } : buffer) as BufferDescriptor,
        ),
      }),
    },
    {
      name: "the offsets of one image for every batch",
      plant: d => ({ ...d, steps: d.steps.map((step, i) => (i === 4 ? { ...step, perImage: false } : step)) }),
    },
  ];
  test.each(planFaults)("$name is caught", async ({ plant }) => {
    expect(await survives(plain, plant(descriptorOf(plain)))).toBe(false);
  });

  test("two tensors of the checkpoint swapped is caught", async () => {
    const names = ["stages.2.0.norm.weight", "stages.2.0.norm.bias"];
    const rows = plain.params.map(row =>
      row[0] === names[0]
        ? ([names[1], ...row.slice(1)] as never)
        : row[0] === names[1]
          ? ([names[0], ...row.slice(1)] as never)
          : row,
    );
    expect(await survives({ ...plain, params: rows }, descriptorOf(plain))).toBe(false);
  });
});

describe("in a pass", () => {
  const graph = mustBuild(goldenModel(plain));
  /** The name and summary of the right pass, and a wrong body. */
  const instead = (name: string, run: (graph: Graph) => Graph): readonly Pass[] =>
    allPasses.map(pass => (pass.name === name ? { ...pass, run } : pass));
  const rerun = (name: string, change: (draft: Draft) => Draft): readonly Pass[] =>
    instead(name, before => {
      const right = allPasses.find(pass => pass.name === name)?.run(before) ?? before;
      const nodes = [...right.nodes.values()].map(node => change(node) as Node);
      return rewrite({ ...right, nodes: new Map(nodes.map(node => [node.id, node])) }, {});
    });

  const faults: readonly { readonly name: string; readonly passes: readonly Pass[] }[] = [
    {
      name: "beta is not folded but lost",
      passes: instead("fold-grn-shift", before =>
        rewrite(before, {
          shiftChannels: ({ id, inputs, span }) => [
            { id, op: "normalize", inputs: [inputs[0] ?? ""], attrs: { eps: 0 }, span },
          ],
        }),
      ),
    },
    {
      name: "gamma and beta are swapped",
      passes: rerun("fold-layernorm", node => {
        if (node.op !== "scaleInputs" || !node.id.startsWith("stages.0.0.")) return node;
        return { ...node, inputs: [node.inputs[0] ?? "", "stages.0.0.norm.bias"] };
      }),
    },
    {
      name: "GRN is taken over the batch",
      passes: rerun("split-grn", node => {
        if (node.op === "sumSquares") return { ...node, attrs: { over: "batch" } };
        return node;
      }),
    },
    {
      name: "GRN's eps is lost",
      passes: rerun("split-grn", node => (node.op === "grnScale" ? { ...node, attrs: { eps: 1 } } : node)),
    },
    {
      name: "the residual is added to itself",
      passes: rerun("split-grn", node =>
        node.op === "add" ? { ...node, inputs: [operand(node as Node, 0), operand(node as Node, 0)] } : node,
      ),
    },
    {
      name: "a value that is gone is still read",
      passes: instead("split-grn", before => ({
        ...before,
        nodes: new Map([...before.nodes].filter(([id]) => id !== "stages.0.0.norm")),
      })),
    },
    {
      name: "a type is stated and wrong",
      passes: instead("split-grn", before => ({
        ...before,
        nodes: new Map(
          [...before.nodes].map(([id, node]) => [
            id,
            id === "pool" ? ({ ...node, type: { dtype: "f32", shape: ["N", 41] } } as Node) : node,
          ]),
        ),
      })),
    },
    {
      name: "a group is left and entered again",
      passes: instead("fuse-pool", before => ({
        ...before,
        groups: new Map([
          ...before.groups,
          ["stages.0.0.dwconv", "stages.0.0.dwconv"],
          ["stages.0.0.pwconv2", "stages.0.0.dwconv"],
        ]),
      })),
    },
    {
      name: "a group is named after nobody",
      passes: instead("fuse-pool", before => ({ ...before, groups: new Map([...before.groups, ["pool", "nobody"]]) })),
    },
  ];

  test.each(faults)("$name: caught", async fault => {
    const { shape, values } = goldenInput(plain);
    const inputs = await feed(graph, goldenWeights(plain), values, shape[0] ?? 1);
    const logits = (): ArrayLike<number> =>
      evaluate(verify(runPasses(graph, fault.passes), "all"), inputs).get("logits")?.data ?? [];
    let survived = false;
    try {
      survived = passes(plain, logits());
    } catch (cause) {
      expect((cause as Error).name).toBe("InternalError");
    }
    expect(survived).toBe(false);
  });
});

describe("in the memory layout", () => {
  const value = (name: string, from: number, to: number, apart: readonly string[] = []): Lifetime => ({
    name,
    bytes: 256,
    from,
    to,
    apart,
  });

  test("values that live at once never share bytes, nor an arena with what their step reads", () => {
    const values = [value("a", 0, 2), value("b", 1, 3, ["a"]), value("c", 2, 4, ["b", "a"]), value("d", 3, 4, ["b"])];
    const { slots } = layOut(values, 256);
    const at = (name: string): string => `${slots.get(name)?.arena}:${slots.get(name)?.offset}`;
    expect(slots.get("b")?.arena).not.toBe(slots.get("a")?.arena);
    expect(at("c")).not.toBe(at("a"));
    expect(slots.get("d")?.arena).not.toBe(slots.get("b")?.arena);
  });
});

describe("in the ONNX graph", () => {
  const eps = golden("micro-eps-64x64-b2");
  const attribute = (node: OnnxNode, name: string, value: unknown): OnnxNode => ({
    ...node,
    attributes: node.attributes.map(a => (a.name === name ? ({ ...a, value } as typeof a) : a)),
  });
  const faults: readonly {
    readonly name: string;
    readonly file: Dense;
    readonly change: (node: OnnxNode) => OnnxNode;
  }[] = [
    { name: "another eps", file: eps, change: node => attribute(node, "epsilon", 1e-5) },
    {
      name: "pads off by one",
      file: plain,
      change: node => (node.op === "Conv" ? attribute(node, "pads", [2, 3, 4, 3]) : node),
    },
    {
      name: "an add that multiplies",
      file: plain,
      change: node => (node.op === "Add" && node.name === "stages.0.0" ? { ...node, op: "Mul" } : node),
    },
    {
      name: "the other form of GELU",
      file: plain,
      change: node =>
        node.op === "Gelu" ? { ...node, attributes: [{ name: "approximate", kind: "string", value: "tanh" }] } : node,
    },
  ];

  test.each(faults)("$name is caught", async ({ file, change }) => {
    const model = goldenModel(file);
    const { model: bytes } = await compiledBytes({ model, graph: mustBuild(model), weights: goldenWeights(file) });
    const codec = await loadOnnxCodec();
    const decoded = codec.decodeModel(bytes);
    const run = async (nodes: readonly OnnxNode[]): Promise<boolean> => {
      if (decoded.graph === null) throw new Error("there is no graph");
      const session = await openOnnx(
        { model: codec.encodeModel({ ...decoded, graph: { ...decoded.graph, nodes } }) },
        { threads: 1 },
      );
      if (!session.ok) return false;
      const { shape, values } = goldenInput(file);
      const result = await session.value.run(new Map([["pixel_values", { shape, data: values }]]));
      await session.value.close();
      return result.ok && passes(file, result.value.outputs.get("logits")?.data ?? []);
    };
    const nodes = decoded.graph?.nodes ?? [];
    expect(await run(nodes)).toBe(true);
    const changed = nodes.map(change);
    expect(
      changed.filter((node, i) => JSON.stringify(node) !== JSON.stringify(nodes[i])).length,
      "not planted",
    ).toBeGreaterThan(0);
    expect(await run(changed)).toBe(false);
  });
});
