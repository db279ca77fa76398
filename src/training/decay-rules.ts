import type { DecayRule } from "../model/model.ts";

interface DecayRow {
  readonly name: RegExp;
  /** The rules under which weight decay acts on it. */
  readonly under: readonly DecayRule[];
}

const always: readonly DecayRule[] = ["default", "published_pretrain", "published_finetune"];

/**
 * What weight decay acts on, by official names; the first match decides.
 *
 * - `published_pretrain`: all with more than one dimension but biases, so GRN's γ and β and the mask token too
 *   (facebookresearch/ConvNeXt-V2, main_pretrain.py, by timm's `add_weight_decay`).
 * - `published_finetune`: neither GRN's γ and β nor layer scale (optim_factory.py, `get_parameter_groups`).
 * - `default`: the mask token not either. The author of GRN advises against decaying γ and β (ConvNeXt-V2 issue 15);
 *   SparK and MMPretrain leave the mask token out.
 */
const decayRows: readonly DecayRow[] = [
  { name: /\.bias$/, under: [] },
  { name: /\.grn\.(gamma|beta)$/, under: ["published_pretrain"] },
  { name: /^mask_token$/, under: ["published_pretrain", "published_finetune"] },
  // Layer scale, and every LayerNorm: one dimension.
  { name: /\.gamma$/, under: [] },
  { name: /(^|\.)norm(_pre|\d*)\.weight$|^downsample_layers\.(0\.1|[1-9]\d*\.0)\.weight$/, under: [] },
  { name: /\.weight$/, under: always },
];

/** Whether weight decay acts on a parameter, by its official name. */
export const decays = (rule: DecayRule, name: string): boolean =>
  decayRows.find(row => row.name.test(name))?.under.includes(rule) ?? false;
