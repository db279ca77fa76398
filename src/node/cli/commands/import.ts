import { shownPath } from "../../../diagnostics/escape.ts";
import { error } from "../../../diagnostics/messages.ts";
import { writeFile } from "../../files/write-file.ts";
import { type Outcome, outcome } from "../../outcome/outcome.ts";
import type { AddCommand } from "../command.ts";
import { bindingOf, extraOption, type FileFlags, keyOption, prefixOption, renameOption } from "../weights-options.ts";

const examples = `
Examples:
  cnxc import config.json -o model.cnx
      a config of transformers' ConvNext and ConvNextV2, or one that timm has pushed to a hub
  cnxc import convnextv2-tiny-1k-224/ -o model.cnx
      the same in a folder as save_pretrained leaves it, and what preprocessor_config.json in it says
  cnxc import convnextv2_atto.fcmae_ft_in22k_in1k_384
      by timm's name, to standard output
  cnxc import model.safetensors --features -o maps.cnx
      the model that a file of weights fits, with the maps of all stages instead of its head
`;

interface Options extends FileFlags {
  readonly allowExtra?: boolean;
  readonly output?: string;
  readonly name?: string;
  readonly features?: boolean;
}

export const addImport: AddCommand = (program, execute) => {
  program
    .command("import")
    .description("write a spec from a config.json, from timm's name of a model, or for a file of weights")
    .argument(
      "<source>",
      "a config.json or its folder, a name such as convnextv2_tiny.fcmae_ft_in1k, or a file of weights",
    )
    .option("-o, --output <spec>", "where the spec goes (default: standard output)")
    .option("--name <name>", "the model's name (default: that of its size)")
    .option("--features", "the maps of all stages instead of a head, as timm's features_only")
    .addOption(keyOption())
    .addOption(prefixOption())
    .addOption(renameOption())
    .addOption(extraOption())
    .addHelpText("after", examples)
    .action((source: string, options: Options) => execute(() => importModel(source, options)));
};

async function importModel(source: string, options: Options): Promise<Outcome> {
  const { output, name = "", features = false } = options;
  if (name !== "" && !/^[A-Za-z]\w*$/.test(name))
    return outcome({
      diagnostics: [error("bad-option-value", null, "--name", name, "a letter, then letters, digits and _")],
    });
  const { importSpec } = await import("../../jobs/import.ts");
  const imported = await importSpec(source, { name: name === "" ? null : name, features }, bindingOf(options));
  if (!imported.ok) return outcome({ diagnostics: imported.diagnostics });
  const { text, notes, model } = imported.value;
  const said = { diagnostics: imported.diagnostics, notes, result: { model: model.name, spec: text, notes } };
  if (output === undefined) return outcome({ ...said, text });
  const failure = await writeFile(output, [new TextEncoder().encode(text)]);
  if (failure !== null) return outcome({ diagnostics: [...imported.diagnostics, failure] });
  return outcome({
    ...said,
    outputs: [{ path: output, status: "written" }],
    text: `${shownPath(output)}: model ${model.name}\n`,
  });
}
