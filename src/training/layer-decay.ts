import type { LayerDecayType } from "../model/model.ts";

/** A parameter's module: the downsampling before a stage, a block of one, or what is in no stage. */
interface Module {
  readonly stage: number | null;
  /** Null for downsampling. */
  readonly block: number | null;
}

function moduleOf(name: string): Module {
  const found = /^downsample_layers\.(\d+)\./.exec(name) ?? /^stages\.(\d+)\.(\d+)\./.exec(name);
  const [, stage, block] = found ?? [];
  return { stage: stage === undefined ? null : Number(stage), block: block === undefined ? null : Number(block) };
}

interface Layers {
  /** How many layers there are below the last, which is that of what is in no stage. */
  readonly below: (depths: readonly number[]) => number;
  readonly layer: (stage: number, block: number | null, depths: readonly number[]) => number;
}

const blocksBefore = (stage: number, depths: readonly number[]): number =>
  depths.slice(0, stage).reduce((sum, depth) => sum + depth, 0);

/**
 * The layers of layer-wise decay, lowest first.
 * Source: facebookresearch/ConvNeXt-V2, optim_factory.py, `get_num_layer_for_convnext_single` and, for depths
 * [3, 3, 27, 3], `get_num_layer_for_convnext`.
 */
const layers: { readonly [K in LayerDecayType]: Layers } = {
  single: {
    below: depths => blocksBefore(depths.length, depths),
    layer: (stage, block, depths) => blocksBefore(stage, depths) + (block ?? 0) + 1,
  },
  group: {
    below: () => 12,
    layer: (stage, block) => {
      if (block === null) return [0, 2, 3, 12][stage] ?? 12;
      return stage === 2 ? 3 + Math.floor(block / 3) : ([1, 2][stage] ?? 12);
    },
  },
};

/** What the learning rate of a parameter is multiplied by: 1 in the last layer, `decay` once more in each before. */
export function layerScale(decay: number, type: LayerDecayType, name: string, depths: readonly number[]): number {
  const { below, layer } = layers[type];
  const { stage, block } = moduleOf(name);
  return stage === null ? 1 : decay ** (below(depths) + 1 - layer(stage, block, depths));
}
