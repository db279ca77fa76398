/** The last layer: of what is in no stage. */
const lastLayer = (depths: readonly number[]): number => blocksBefore(depths.length, depths) + 1;

const blocksBefore = (stage: number, depths: readonly number[]): number =>
  depths.slice(0, stage).reduce((sum, depth) => sum + depth, 0);

/**
 * Layer of a parameter, by its official name: a block each, counted from 1; downsampling belongs to the first block of its
 * stage, and what is in no stage to a last layer of its own.
 * Source: facebookresearch/ConvNeXt-V2, optim_factory.py, `get_num_layer_for_convnext_single`.
 */
export function layerOf(name: string, depths: readonly number[]): number {
  const [, stage, block] =
    /^downsample_layers\.(\d+)\./.exec(name) ?? /^stages\.(\d+)\.(\d+)\./.exec(name) ?? ([] as const);
  return stage === undefined ? lastLayer(depths) : blocksBefore(Number(stage), depths) + Number(block ?? 0) + 1;
}

/** What the learning rate of a parameter is multiplied by: 1 in the last layer, `decay` once more in each before. */
export const layerScale = (decay: number, name: string, depths: readonly number[]): number =>
  decay ** (lastLayer(depths) - layerOf(name, depths));
