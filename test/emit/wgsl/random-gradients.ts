import { expect } from "vitest";
import { plan } from "../../../src/compile.ts";
import { describe } from "../../../src/emit/wgsl/descriptor.ts";
import { wgslTarget } from "../../../src/emit/wgsl/target.ts";
import { evaluate, type Values } from "../../../src/graph/evaluate.ts";
import { tuningProfiles } from "../../../src/plan/tiles/tuning-profiles.ts";
import { learningCase } from "../../graph/learning-case.ts";
import { family, type Learner } from "../../graph/random-learners.ts";
import { normOf, slopeError, slopes, someLeaves } from "../../graph/slopes.ts";
import { expectFloat32, expectRounded, type Given } from "../../support/conditioning.ts";
import type { Job, WebgpuProcess } from "../../support/webgpu-process.ts";
import { must } from "../../syntax/support.ts";

/**
 * Distances in a gradient's own norm: from the interpreter's, and from slopes, which random signs make a multiple of it. What
 * is next to nothing of all gradients is not looked at, and where rounding alone takes one farther, as LayerNorms over three
 * channels do, it has as many times that as outputs have.
 */
const limits = { interpreter: 2e-5, slope: 1e-4 } as const;
const nothing = 1e-7;

type Outputs = Readonly<Record<string, Float32Array>>;
interface Prepared extends Awaited<ReturnType<typeof learningCase>> {
  readonly learner: Learner;
  readonly plain: Given;
  readonly job: Job;
}

/** A model as WebGPU runs it, twice with the same inputs. */
async function prepare(learner: Learner, change: (code: string) => string): Promise<Prepared> {
  const given = await learningCase(learner);
  const { model, dropPath, sites, tiles, batch } = learner;
  const learned = new Set(given.learned);
  const learning = { dropPath, wanted: (name: string) => learned.has(name) };
  const target = wgslTarget(tiles, false);
  const planned = must(plan({ model, target, batch: { min: batch, max: batch }, sites, learning })).plan;
  const descriptor = describe(planned, tuningProfiles[tiles].sharesKernels);
  const tensor = (name: string) => Float32Array.from((given.values.get(name) as Values).data);
  const inputs = Object.fromEntries(planned.inputs.map(({ name }) => [name, tensor(name)]));
  return {
    ...given,
    learner,
    plain: { graph: given.graphs.plain, values: given.values },
    job: {
      descriptor: {
        ...descriptor,
        kernels: descriptor.kernels.map(kernel => ({ ...kernel, code: change(kernel.code) })),
      },
      weights: { kind: "tensors", tensors: new Map(planned.params.map(({ name }) => [name, tensor(name)])) },
      runs: [inputs, inputs],
    },
  };
}

/** What the float64 interpreter says of a model: its outputs and gradients, and slopes, which share nothing with those. */
function judged({ network, plain, values, learned, learner }: Prepared) {
  const wanted = evaluate(plain.graph, values);
  const gradients = [...wanted].filter(([name]) => name.startsWith("grad."));
  return {
    wanted,
    whole: Math.hypot(...gradients.map(([, { data }]) => normOf(data))),
    slopes: slopes({ network, values }, someLeaves(learned, learner.seed), learner.seed),
  };
}

type Judged = ReturnType<typeof judged>;
type Check = (given: Prepared, judged: Judged, outputs: readonly Outputs[]) => void;

const values = (outputs: Outputs | undefined, name: string): Float32Array => outputs?.[name] ?? new Float32Array();

/** The loss and gradients are the interpreter's, and the same bits once more. */
const agree: Check = ({ plain }, { wanted, whole }, [first, again]) => {
  for (const [name, { data }] of wanted) {
    const found = values(first, name);
    expect(found.length, name).toBe(data.length);
    const norm = normOf(data);
    const what = `${name}, ${norm} of ${whole}`;
    if (norm > nothing * whole) expectFloat32(plain, name, found, data, what, limits.interpreter);
    else expect(normOf(found), name).toBeLessThanOrEqual(10 * nothing * whole);
    const isSame = found.every((v, i) => Object.is(v, values(again, name)[i]));
    expect(isSame, `${name}, once more`).toBe(true);
  }
};

/** The gradients are slopes. */
const slope: Check = ({ plain }, { whole, slopes }, [first]) => {
  for (const found of slopes) {
    const name = `grad.${found.id}`;
    const gradient = values(first, name);
    expect(gradient.length, name).toBe(found.signs.length);
    if (normOf(gradient) <= nothing * whole) continue;
    const error = slopeError(found, gradient, whole);
    expectRounded(plain, name, error, `${name} is no slope`, limits.slope);
  }
};

/** What an expectation says where it is not met. */
function complaint(check: () => void): readonly string[] {
  try {
    check();
    return [];
  } catch (cause) {
    return [cause instanceof Error ? cause.message : String(cause)];
  }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/**
 * What is wrong with gradients of a family of random models on WebGPU; each line begins with the seed, which tells the model
 * from those of all families.
 */
export async function wrongGradients(
  gpu: WebgpuProcess,
  index: number,
  change: (code: string) => string = code => code,
): Promise<readonly string[]> {
  const models: Prepared[] = [];
  for (const learner of family(index)) models.push(await prepare(learner, change));
  // The interpreter works while the other process does.
  const running = gpu.runTogether({ models: models.map(({ job }) => job) });
  running.catch(() => {});
  const verdicts: Judged[] = [];
  for (const given of models) {
    await turn();
    verdicts.push(judged(given));
  }
  const results = await running;
  return models.flatMap((given, i) =>
    [agree, slope].flatMap(check =>
      complaint(() => check(given, verdicts[i] as Judged, results[i]?.outputs ?? [])).map(
        said => `seed ${given.learner.seed}: ${said}`,
      ),
    ),
  );
}
