type Shape = readonly number[];

/** What can be done about a tensor of another shape, by its official name: first what keeps the file's weights. */
export const shapeRemedies: Readonly<Record<string, (needed: Shape, found: Shape) => readonly string[]>> = {
  "head.weight": ([needed], [found]) =>
    needed === found
      ? []
      : [
          `the file has ${found} classes, as a spec says with \`classes ${found}\``,
          `cnxc weights convert --classes ${needed} makes a head of zeros instead, to be trained anew`,
        ],
  "downsample_layers.0.0.weight": ([, channels = 0, patch], [, found = 0, foundPatch]) => [
    ...(channels === found
      ? []
      : [
          `the file takes ${found} ${found === 1 ? "channel" : "channels"}, as a spec says with \`input HEIGHTxWIDTHx${found}\``,
        ]),
    ...(patch === foundPatch
      ? []
      : [`the file's stem has patches of ${foundPatch}, as a spec says with \`stem patch ${foundPatch}\``]),
    ...(channels !== found && canAdapt(found, channels)
      ? [`cnxc weights convert --in-chans ${channels} fits the stem to other channels`]
      : []),
  ],
};

/** Whether weights of a stem can be fitted to another number of channels: colours are, anything else has no meaning. */
export const canAdapt = (from: number, to: number): boolean => (to === 1 ? from <= 3 : from === 3);
