import { describe, expect, test } from "vitest";
import { evaluate, type Values } from "../../src/graph/evaluate.ts";
import { forms, learningGraph, withParams } from "../graph/gradients.ts";
import { graphFaults, holds, recording, withFault } from "./gradients.ts";

// In kernels and in the optimizer: gradients.targets.test.ts.
describe("a mistake in differentiation is seen by a recorded gradient", () => {
  const isSeen = async (file: string, fault: (typeof graphFaults)[number] | null): Promise<boolean> => {
    const { golden, model, weights, inputs } = recording(file);
    const right = learningGraph(model, forms.folded);
    const graph = fault === null ? right : withFault(right, fault);
    const found = evaluate(graph, await withParams(graph, weights, inputs));
    return !holds(golden, name => found.get(`grad.${name}`) as Values);
  };

  test.each([...new Set(graphFaults.map(({ on }) => on))])("where there is none, none is seen: %s", async file => {
    expect(await isSeen(file, null)).toBe(false);
  });
  test.each(graphFaults)("$name", async fault => {
    expect(await isSeen(fault.on, fault)).toBe(true);
  });
});
