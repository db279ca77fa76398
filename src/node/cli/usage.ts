import type { CommanderError } from "commander";
import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { quoted } from "../../diagnostics/messages/quoted.ts";
import { error } from "../../diagnostics/messages.ts";
import { nearestOf } from "../../diagnostics/nearest.ts";

export const examples = `
Examples:
  cnxc compile specs/convnextv2.cnx -m atto -o out        kernels, host module and ONNX graph of one model
  cnxc compile my.cnx -t onnx -w model.safetensors -o out an ONNX graph with its weights inside
  cnxc run my.cnx -w random:1 -i in.safetensors --out out.safetensors
  cnxc train my.cnx --data pictures -o run
  cnxc classify my.cnx -w model.safetensors cat.jpg --labels imagenet.txt
  cnxc reconstruct my.cnx -w pretrained.safetensors --image cat.png -o cat.html
  cnxc weights inspect model.safetensors         what a file of weights holds
  cnxc weights convert model.safetensors --to timm -o timm.safetensors
  cnxc import config.json -o my.cnx              a spec from a config of transformers
  cnxc info specs/convnextv2.cnx    what models are and cost, stage by stage
  cnxc inspect specs/convnextv2.cnx -m atto -o atto.html
  cnxc explore specs/sweep.cnx --device m3-max    what the variants of a sweep need and take
  cnxc check specs/*.cnx            say what is wrong with specs
  cnxc fmt --check specs/atto.cnx   fail where a spec is not laid out in the one way
  cnxc check --json - < atto.cnx    the same for a program: one JSON object on standard output

Exit codes:
  0  done
  1  it ran, and the answer is no (--check, weights diff)
  2  the command line is wrong
  3  the spec is wrong
  4  the weights, the model file, or a picture, tensor or label that is given does not fit
  5  the target or this machine cannot do it
  6  input or output failed
  7  the run on the GPU failed
  70 a bug in cnxc
  128+n  ended by signal n
`;

/** Commander's complaint as a diagnostic of ours. What it offers as the nearest name is often far. */
export function usageError(cause: CommanderError): Diagnostic {
  if (cause.code === "commander.help") return error("usage", null, "a command is missing");
  const text = cause.message
    .replace(/^error: /, "")
    .replace(/ argument '(.*)' is invalid\. /s, (_, value: string) => ` argument ${quoted(value)} is invalid. `);
  const offered = /\(Did you mean (?:one of )?([^)?]+)/.exec(text)?.[1]?.split(", ") ?? [];
  const [, what, name = ""] = /^unknown (command|option) '([^']*)'/.exec(text) ?? [];
  if (what !== undefined) return error(`unknown-${what as "command" | "option"}`, null, name, nearestOf(offered)(name));
  return error("usage", null, text.split("\n")[0] ?? text);
}

/** Whether the result is for a program; known before the command line is, so that its mistakes are for one too. */
export function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  return (end < 0 ? words : words.slice(0, end)).includes("--json");
}
