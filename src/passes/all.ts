import type { Node } from "../graph/graph.ts";
import { compactLoss } from "./compact-loss.ts";
import { compactSites } from "./compact-sites.ts";
import { differentiate, differentiateAs } from "./differentiate.ts";
import { foldGrnShift } from "./fold-grn-shift.ts";
import { foldLayerScale } from "./fold-layer-scale.ts";
import { foldLayernorm } from "./fold-layernorm.ts";
import { fuseActivation } from "./grouping/fuse-activation.ts";
import { fuseDot } from "./grouping/fuse-dot.ts";
import { fuseGather } from "./grouping/fuse-gather.ts";
import { fuseGrnScale } from "./grouping/fuse-grn-scale.ts";
import { fuseLoss } from "./grouping/fuse-loss.ts";
import { fuseNorm } from "./grouping/fuse-norm.ts";
import { fusePointwise } from "./grouping/fuse-pointwise.ts";
import { fusePool } from "./grouping/fuse-pool.ts";
import { fuseReshape } from "./grouping/fuse-reshape.ts";
import { fuseResidual } from "./grouping/fuse-residual.ts";
import { fuseShares } from "./grouping/fuse-shares.ts";
import { fuseUnfold } from "./grouping/fuse-unfold.ts";
import type { Pass } from "./pass.ts";
import { rematerialise } from "./rematerialise.ts";
import { splitConv } from "./split-conv.ts";
import { splitGrn } from "./split-grn.ts";
import { splitLayernorm } from "./split-layernorm.ts";

/** Rewriting, in order: GRN is split first, so that its shift can be folded; the other folds do not meet. */
export const foldingPasses: readonly Pass[] = [splitGrn, foldGrnShift, foldLayerScale, foldLayernorm];

/** The same for kernels, which have products and no convolutions with overlapping patches. */
export const kernelPasses: readonly Pass[] = [splitConv, ...foldingPasses];

/** For graphs that learn, after the folds: what is left of LayerNorm is split, the gradients are appended, and what is cheap is made again. */
export const learningPasses: readonly Pass[] = [compactLoss, splitLayernorm, differentiate, rematerialise];

/** What the gradients of some leaves need of the graph: its gradients, however they are computed. */
export const gradientPasses = (wanted: (leaf: Node) => boolean, lossScale = 1): readonly Pass[] => [
  splitConv,
  splitLayernorm,
  differentiateAs(wanted, lossScale),
];

/** Grouping, after all rewriting. Each looks at its own ops, so their order does not matter. */
export const groupingPasses: readonly Pass[] = [
  fuseNorm,
  fuseActivation,
  fuseGrnScale,
  fuseResidual,
  fusePool,
  fuseLoss,
  fuseUnfold,
];

/** Grouping of what only graphs that learn have, after the others: these take what is left. */
export const learningGroupingPasses: readonly Pass[] = [fuseReshape, fuseShares, fuseDot, fuseGather, fusePointwise];

/** The first decides what is computed, the others how. */
export const allPasses: readonly Pass[] = [compactSites, ...kernelPasses, ...groupingPasses];
