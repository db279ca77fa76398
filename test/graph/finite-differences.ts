import { expect } from "vitest";
import { evaluate, type Values } from "../../src/graph/evaluate.ts";
import { relL2 } from "../support/tolerance.ts";
import { learningCase } from "./learning-case.ts";
import type { Learner } from "./random-learners.ts";
import { normOf, slopeError, slopes, someLeaves } from "./slopes.ts";

/** Families of random models from this one on are for differences alone: those before it are run on WebGPU. */
export const firstFamily = 100;

/** The gradients of a random model are slopes, and what the folds leave of the network has the same. */
export async function expectSlopes(learner: Learner): Promise<void> {
  const { network, graphs, values, learned } = await learningCase(learner);
  const plain = evaluate(graphs.plain, values);
  const folded = evaluate(graphs.folded, values);
  const gradient = (id: string): Values => plain.get(`grad.${id}`) as Values;
  const whole = Math.hypot(...learned.map(id => normOf(gradient(id).data)));
  for (const id of learned) {
    const same = folded.get(`grad.${id}`) as Values;
    expect(same.shape, id).toEqual(gradient(id).shape);
    // What is zero but for rounding has no digits to compare.
    if (normOf(gradient(id).data) > 1e-9 * whole)
      expect(relL2(same.data, gradient(id).data), `${id}, folded`).toBeLessThan(1e-9);
  }
  for (const slope of slopes({ network, values }, someLeaves(learned, learner.seed), learner.seed)) {
    const { data } = gradient(slope.id);
    if (normOf(data) <= 1e-9 * whole) continue;
    expect(slopeError(slope, data, whole), `${slope.id} is no slope`).toBeLessThan(1e-5);
  }
}
