// What `measure` runs in a process of its own: models on the adapter that the environment gives, timed in turn.
import { plan } from "../../compile.ts";
import { describe } from "../../emit/wgsl/descriptor.ts";
import { wgslTarget } from "../../emit/wgsl/target.ts";
import { isF16 } from "../../model/select.ts";
import type { ModelDescriptor } from "../../runtime/descriptor.ts";
import { requestDevice } from "../../runtime/device.ts";
import { createModel } from "../../runtime/model.ts";
import { nondegenerateWeights } from "../../weights/made/nondegenerate.ts";
import { elements } from "../../weights/tensor.ts";
import type { AdapterKind } from "../gpu/adapters.ts";
import { loadDawn } from "../gpu/dawn.ts";
import { drawInputs } from "../inputs/tensors.ts";
import type { MeasureProgress, MeasureRequest } from "./measure.ts";

export interface MeasureJob {
  readonly kind: AdapterKind;
  readonly requests: readonly MeasureRequest[];
  /** Milliseconds for each model. */
  readonly enough: number;
}

/** A model that is loaded, with an input to run it on. */
interface Ready {
  readonly run: () => Promise<unknown>;
  readonly dispose: () => void;
  readonly times: number[];
}

type Planned = MeasureRequest & { readonly descriptor: ModelDescriptor };

const leastRounds = 5;
const mostRounds = 50;
/** What is loaded at once; models take turns among those that fit. lavapipe keeps 1,024 kernels, and compiles others anew. */
const most = { elements: 2 ** 28, kernels: 512 } as const;

/**
 * Milliseconds of a pass of each model, medians. A machine's speed drifts within seconds, so models take turns: what one
 * of them meets, all meet.
 */
export default async (
  { kind, requests, enough }: MeasureJob,
  report: (progress: MeasureProgress) => void,
): Promise<readonly number[]> => {
  const gpu = await loadDawn();
  if (!gpu.ok) throw new Error("Dawn was loaded before this process was started");
  const of = requests.length;
  const medians: number[] = [];
  for (const group of groupsOf(requests.map(request => planned(request, kind)))) {
    const device = await requestDevice(
      group.map(({ descriptor }) => descriptor),
      gpu.value,
    );
    const ready: Ready[] = [];
    for (const each of group) {
      report({ what: "loading", done: medians.length + ready.length, of });
      ready.push(await load(each, device));
    }
    await timeInTurn(ready, enough, part => report({ what: "timing", done: medians.length + part * ready.length, of }));
    medians.push(...ready.map(({ times }) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)] as number));
    for (const { dispose } of ready) dispose();
    device.destroy();
  }
  return medians;
};

function planned(request: MeasureRequest, tuning: AdapterKind): Planned {
  const { model, form } = request;
  const { dtype, batch } = form;
  const planned = plan({ model, target: wgslTarget(tuning, isF16[dtype]), batch: { min: batch, max: batch } });
  if (!planned.ok) throw new Error("the model was planned before this process was started");
  return { ...request, descriptor: describe(planned.value.plan) };
}

function groupsOf(all: readonly Planned[]): readonly (readonly Planned[])[] {
  const groups: Planned[][] = [];
  let room = { elements: 0, kernels: 0 };
  for (const each of all) {
    const { params, kernels } = each.descriptor;
    const size = params.reduce((sum, { shape }) => sum + elements(shape), 0);
    if (groups.length === 0 || size > room.elements || kernels.length > room.kernels) {
      groups.push([]);
      room = most;
    }
    groups.at(-1)?.push(each);
    room = { elements: room.elements - size, kernels: room.kernels - kernels.length };
  }
  return groups;
}

async function load({ model, form, descriptor }: Planned, device: GPUDevice): Promise<Ready> {
  const weights = nondegenerateWeights(1, descriptor.params);
  const running = await createModel(descriptor, { device, weights: name => weights.f32(name) });
  const drawn = drawInputs(model, form.batch, 1);
  const inputs = Object.fromEntries([...drawn].map(([name, { data }]) => [name, data]));
  const run = () => running.run(inputs);
  for (let i = 0; i < 2; i++) await run(); // drivers still compile in the second
  return { run, dispose: running.dispose, times: [] };
}

async function timeInTurn(group: readonly Ready[], enough: number, done: (part: number) => void): Promise<void> {
  const begin = performance.now();
  for (let round = 0; round < mostRounds; round++) {
    const part = (performance.now() - begin) / (enough * group.length);
    if (round >= leastRounds && part >= 1) break;
    done(Math.min(1, Math.max(part, round / mostRounds)));
    for (const { run, times } of group) {
      const start = performance.now();
      await run();
      times.push(performance.now() - start);
    }
  }
}
