import { type Command, InvalidArgumentError, Option } from "commander";
import { Failure } from "../../diagnostics/failure.ts";
import { error } from "../../diagnostics/messages.ts";
import { parseRule, type RenameRule } from "../../weights/names/changes.ts";
import type { BindOptions } from "../../weights/use/bind.ts";
import type { WeightsOptions } from "../inputs/open-weights.ts";
import type { FileChoice } from "../inputs/with-tensors.ts";
import { once } from "./options.ts";

/** What the options below say, which every command has that takes a file of weights. */
export interface FileFlags {
  readonly key?: string;
  readonly stripPrefix?: string;
  readonly rename?: readonly RenameRule[];
}

export const keyOption = (): Option =>
  once("--key <name>", "take the dictionary under this key of a checkpoint, as model_ema");

export const prefixOption = (): Option =>
  once("--strip-prefix <text>", "take the tensors whose names begin with it, as module., without it");

export const renameOption = (): Option =>
  new Option(
    "--rename <from=to>",
    "take names that begin with FROM for names with TO there, * for letters and digits; may be given again",
  ).argParser((text: string, before: readonly RenameRule[] | undefined): readonly RenameRule[] => {
    const rule = parseRule(text);
    if (typeof rule === "string") throw new InvalidArgumentError(rule);
    return [...(before ?? []), rule];
  });

export const extraOption = (): Option =>
  new Option("--allow-extra", "leave tensors of the weights that the model does not know, with a warning");

/** Both commands that read weights strictly or less so say it so. */
export const strictHelp = "a NaN or infinity among the weights is an error";

export const choiceOf = ({ key, stripPrefix, rename }: FileFlags): FileChoice => ({
  key: key ?? null,
  stripPrefix: stripPrefix ?? null,
  rename: rename ?? [],
});

export const bindingOf = (options: FileFlags & BindOptions): WeightsOptions => ({
  ...choiceOf(options),
  allowExtra: options.allowExtra ?? false,
  strict: options.strict ?? false,
});

const choosing = [keyOption, prefixOption, renameOption].map(option => option());

/** Throws the usage error of who says what to take of a file of weights, and gives none. */
export function checkWeightsOptions(command: Command): void {
  if (!command.options.some(option => option.attributeName() === "weights")) return;
  const { weights } = command.opts<{ weights?: string }>();
  if (weights !== undefined && !weights.startsWith("random:")) return;
  const given = choosing.find(option => command.getOptionValueSource(option.attributeName()) === "cli");
  if (given === undefined) return;
  throw new Failure(
    error("usage", null, `${given.long} says what to take of a file of weights; name one with --weights`),
  );
}
