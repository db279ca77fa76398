import { type Command, InvalidArgumentError, Option } from "commander";
import { ok, type Result } from "../../../diagnostics/diagnostic.ts";
import { shown, shownPath } from "../../../diagnostics/escape.ts";
import { error } from "../../../diagnostics/messages.ts";
import { diffWeights, type TensorDifference, type WeightsDiff } from "../../../weights/use/diff.ts";
import { asItIs, type FileChoice, withTensors } from "../../inputs/with-tensors.ts";
import { type Outcome, outcome } from "../../outcome/outcome.ts";
import type { AddCommand } from "../command.ts";
import { choiceOf, extraOption, type FileFlags, keyOption, prefixOption, renameOption } from "../weights-options.ts";
import { few, print, widthOf } from "../weights-text.ts";

const examples = `
Examples:
  cnxc weights diff model.safetensors converted.safetensors
      whatever their namings; with 0 where every value is the same, else 1
  cnxc weights diff model.safetensors half.safetensors --tolerance 1e-3
`;

interface Options extends FileFlags {
  readonly tolerance: number;
  readonly allowExtra?: boolean;
}

export function addDiff(group: Command, execute: Parameters<AddCommand>[1]): void {
  group
    .command("diff")
    .description("what two files of weights differ in, whatever their namings, worst first")
    .argument("<file>", "safetensors, .pt, .pth or .npz, in any known naming")
    .argument("<other>", "another")
    .addOption(
      new Option("--tolerance <number>", "the largest |other - file| of a value that is no difference")
        .default(0)
        .argParser((text: string) => {
          const number = Number(text);
          if (text.trim() === "" || !(number >= 0)) throw new InvalidArgumentError("it is a number from 0");
          return number;
        }),
    )
    .addOption(keyOption())
    .addOption(prefixOption())
    .addOption(renameOption())
    .addOption(extraOption())
    .addHelpText("after", examples)
    .action((file: string, other: string, options: Options) => execute(() => diff(file, other, options)));
}

async function diff(file: string, other: string, options: Options): Promise<Outcome> {
  const choices = await choicesFor(file, other, choiceOf(options));
  const result = await withTensors(file, choices[0], first =>
    withTensors(other, choices[1], second => diffWeights(first, second, options)),
  );
  if (!result.ok) return outcome({ diagnostics: result.diagnostics });
  const found = result.value;
  const beyond = found.different.filter(({ maxAbs }) => maxAbs > options.tolerance);
  const said = differences(found, beyond, file, other);
  const failed = said.length === 0 ? [] : [error("weights-differ", { file: other, offset: null }, said)];
  return outcome({
    diagnostics: [...result.diagnostics, ...failed],
    text: diffText(file, other, found),
    result: { ...found, tolerance: options.tolerance, beyond: beyond.length },
  });
}

/** What is taken of each. What one of them has nothing of is said of the other: that is how they came to differ. */
async function choicesFor(file: string, other: string, choice: FileChoice): Promise<readonly [FileChoice, FileChoice]> {
  const misses = (found: Result<true>) =>
    found.diagnostics.some(({ code }) => code === "weights-name-unmatched" || code === "state-no-key");
  const first = misses(await withTensors(file, choice, async () => ok(true as const)));
  const second = misses(await withTensors(other, choice, async () => ok(true as const)));
  return first === second ? [choice, choice] : [first ? asItIs : choice, second ? asItIs : choice];
}

const differences = (
  { onlyFirst, onlySecond, otherShape }: WeightsDiff,
  beyond: readonly TensorDifference[],
  file: string,
  other: string,
): readonly string[] =>
  [
    [onlyFirst.length, `only in ${shownPath(file)}`] as const,
    [onlySecond.length, `only in ${shownPath(other)}`] as const,
    [otherShape.length, "of another shape"] as const,
    [beyond.length, "of other values"] as const,
  ].flatMap(([n, what]) => (n === 0 ? [] : [`${n} ${n === 1 ? "tensor" : "tensors"} ${what}`]));

const maxRows = 20;

/** What there is to say for a person; a program gets all rows. */
function diffText(first: string, second: string, found: WeightsDiff): string {
  const [file, other] = [shownPath(first), shownPath(second)];
  const { namings, onlyFirst, onlySecond, otherShape, equal, different } = found;
  const shapes = otherShape.map(
    ({ name, shapes }) => `${name} ${shapes.map(shape => `[${shape.join(", ")}]`).join(" and ")}`,
  );
  const width = widthOf(different.slice(0, maxRows));
  const rows = different
    .slice(0, maxRows)
    .map(
      ({ name, maxAbs, relL2 }) => `  ${shown(name).padEnd(width)}  max abs ${print(maxAbs)}  rel l2 ${print(relL2)}\n`,
    );
  return [
    `${file} (${namings[0]}) and ${other} (${namings[1]}): ${equal.length} tensors equal, ${different.length} of other values\n`,
    ...(onlyFirst.length > 0 ? [`  only in ${file}: ${few(onlyFirst)}\n`] : []),
    ...(onlySecond.length > 0 ? [`  only in ${other}: ${few(onlySecond)}\n`] : []),
    ...(shapes.length > 0 ? [`  of another shape: ${few(shapes)}\n`] : []),
    ...rows,
    ...(different.length > maxRows ? [`  and ${different.length - maxRows} more\n`] : []),
  ].join("");
}
