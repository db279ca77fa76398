// @ts-check
import { spawnSync } from "node:child_process";

/** The first Python that has torch: a virtual environment's may not see the system's packages. Null where none has. */
export const python = () =>
  ["python3", "/usr/bin/python3"].find(name => spawnSync(name, ["-c", "import torch, numpy"]).status === 0) ?? null;

/** A model as torch_networks.py takes it, but for the shape of its input. */
export const networkOf = (/** @type {any} */ { stages, stem, head }) => ({
  depths: stages.map((/** @type {{ depth: number }} */ { depth }) => depth),
  dims: stages.map((/** @type {{ dim: number }} */ { dim }) => dim),
  stem: stem.patch,
  ...(head.kind === "fcmae" ? { patch: head.patchSize, decoder: head.decoder } : { classes: head.classes }),
});
