import { fail, ok, type Result } from "../diagnostics/diagnostic.ts";
import { error } from "../diagnostics/messages.ts";
import { nearestOf } from "../diagnostics/nearest.ts";
import { classifierOf, type Head, type Input } from "../model/model.ts";
import { allFeatures, type Draft, defaults, type Imported, type ImportOptions } from "./draft.ts";
import { prepared } from "./preprocessing.ts";
import { type Network, networks } from "./timm-networks.ts";
import { presentName, type Tag, tagsOf } from "./timm-tags.ts";

export const isTimmName = (text: string): boolean =>
  /^(?:test_convnext\d?|convnext(?:v2)?_[a-z0-9_]+)(?:\.[a-z0-9_]+)?$/.test(text);

/** timm's network of that name. */
export function networkOf(name: string): Result<Network> {
  const network = networks.get(name);
  if (network !== undefined) return ok(network);
  return fail(error("import-unknown-model", null, name, nearestOf(networks.keys())(name)));
}

/** An encoder without a head gives the maps of all stages. */
export const headOf = (classes: number | null, { stages, headStyle }: Network): Head =>
  classes === null ? allFeatures(stages.length) : { ...classifierOf(classes), ...headStyle };

/** At which size timm tests weights that it has for another. */
export const testedNotes = (size: string, crop: number | null, { height, width }: Input): readonly string[] =>
  size === `${height}x${width}`
    ? []
    : [
        `timm tests these weights at ${size}${crop === null ? "" : ` with crop_pct ${crop}`}; the input is ${height}x${width}`,
      ];

/** A draft of timm's network with what its function decides. */
export const draftOf = (
  { headStyle: _, ...network }: Network,
  changes: Pick<Draft, "name" | "input" | "preprocess" | "head">,
): Draft => ({
  ...defaults,
  ...network,
  ...changes,
});

const untagged: Tag = { side: defaults.input.height, classes: defaults.head.classes, preprocessing: {} };

/**
 * A model by timm's name and, after a dot, the tag of its weights, which has the side of its images, its classes and how
 * pictures are prepared for it. A name alone is a classifier of ImageNet's classes at the usual size.
 */
export function importTimm(text: string, { name, features }: ImportOptions): Result<Imported> {
  const [model = "", tagName] = presentName(text).split(".");
  const network = networkOf(model);
  if (!network.ok) return network;
  const known = tagsOf[model] ?? {};
  const tag = tagName === undefined ? untagged : Object.hasOwn(known, tagName) ? known[tagName] : undefined;
  if (tag === undefined) return fail(error("import-unknown-tag", null, tagName ?? "", model, Object.keys(known)));
  const { side, classes, preprocessing, tested, note } = tag;
  const input = { ...defaults.input, height: side, width: side };
  const { preprocess, notes } = prepared(preprocessing, input);
  return ok({
    draft: draftOf(network.value, {
      name: name ?? `${model}${side === defaults.input.height ? "" : `_${side}`}`,
      input,
      preprocess,
      head: features ? allFeatures(network.value.stages.length) : headOf(classes, network.value),
    }),
    notes: [
      ...(note === undefined || features ? [] : [note]),
      ...notes,
      ...(tested === undefined ? [] : testedNotes(`${tested.side}x${tested.side}`, tested.crop, input)),
    ],
  });
}
