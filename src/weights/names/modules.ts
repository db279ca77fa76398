import { dialects, translate } from "./names.ts";

/** What the tensors of a module are called below its path, and what the official code calls the same. */
const endings = [
  [".weight", ".weight"],
  [".gamma", ".gamma"],
  [".layer_scale_parameter", ".gamma"],
  [".dwconv.weight", ".dwconv.weight"],
  [".conv_dw.weight", ".dwconv.weight"],
  [".weight", ".gamma"],
  [".0.weight", ".0.weight"],
] as const;

/**
 * The paths that the official code has for a module of any dialect, as far as the names of its tensors tell:
 * `stages.0.blocks.1.mlp.fc1` and `convnextv2.encoder.stages.0.layers.1.pwconv1` are `stages.0.1.pwconv1`.
 */
export function officialModules(path: string): readonly string[] {
  const found = dialects.flatMap(dialect =>
    endings.flatMap(([ending, official]) => {
      const name = translate(`${path}${ending}`, dialect, "official")?.name;
      return name?.endsWith(official) ? [name.slice(0, -official.length)] : [];
    }),
  );
  return [...new Set(found)];
}
