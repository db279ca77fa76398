import { expect } from "vitest";
import { evaluate, widen } from "../../src/graph/evaluate.ts";
import { verify } from "../../src/graph/verify.ts";
import {
  denseName,
  denseWeights,
  type FcmaeGolden,
  fcmaeModel,
  goldenFiles,
  grnScopes,
  losses,
  scopeOf,
} from "../support/fcmae.ts";
import { goldenInput, readGolden } from "../support/golden.ts";
import { feed, mustBuild } from "../support/models.ts";
import { expectTap, type Recorded } from "../support/tolerance.ts";

/** A golden file, a scope of GRN and a loss. */
export const cases = goldenFiles
  .filter(file => file.startsWith("micro"))
  .flatMap(file => grnScopes.flatMap(grn => losses.map(loss => ({ file, grn, loss }))));

/** What float64 on whole maps takes no more than some seconds for. */
export const isQuick = ({ file, grn, loss }: (typeof cases)[number]): boolean =>
  file.startsWith("micro-192") || (file === "micro-128-b2" && grn === "per_sample" && loss === "norm_pix_loss");

/** The interpreter gives PyTorch's numbers of the masked autoencoder. */
export async function check({ file, grn, loss }: (typeof cases)[number]): Promise<void> {
  const golden = readGolden<FcmaeGolden>(`fcmae/${file}`);
  const recorded = scopeOf(golden, grn);
  const stages = Object.keys(recorded).filter(name => name.startsWith("encoder"));
  const taps = [...stages, "downsample_layers.0", "loss_per_patch"];
  const graph = mustBuild(fcmaeModel(golden, grn, loss), taps);
  verify(graph, "build");
  const params = [...graph.nodes.values()].filter(node => node.op === "param").map(node => node.id);
  expect(params.sort()).toEqual(golden.params.map(([name]) => denseName(name)).sort());

  const { shape, values } = goldenInput(golden);
  const batch = shape[0] as number;
  const mask = golden.mask.flat();
  const given = await feed(graph, denseWeights(golden), values, batch);
  given.set("mask", widen([batch, mask.length / batch], Float32Array.from(mask)));
  const found = evaluate(graph, given);

  expect(Math.abs((found.get("loss")?.data[0] ?? 0) / recorded.loss[loss] - 1)).toBeLessThan(2e-6);
  for (const name of [...stages, "pred"]) expectTap(name, found.get(name)?.data ?? [], recorded[name] as Recorded);
  expectTap("stem", found.get("downsample_layers.0")?.data ?? [], golden.stem);
  expectTap("encoded", found.get("encoded")?.data ?? [], recorded.encoder as Recorded);
  expect(found.get("encoded")?.shape).toEqual(recorded.encoder?.shape);
  const errors = recorded.loss_per_patch[loss].flat();
  expect(found.get("loss_per_patch")?.data.length).toBe(errors.length);
  errors.forEach((wanted, i) => {
    expect(Math.abs((found.get("loss_per_patch")?.data[i] ?? 0) / wanted - 1)).toBeLessThan(1e-5);
  });
}
