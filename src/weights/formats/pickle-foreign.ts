import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import type { Foreign } from "./pickle-values.ts";

const whole = "its tensors alone can be saved where it can be loaded: torch.save(model.state_dict(), …)";
const numpyHint = "numbers of numpy lie beside the weights; save the dictionary of tensors alone";

/** Why what a name would have made cannot be read. */
export function foreignProblem(file: string, { name, at, refused }: Foreign): Diagnostic {
  const place = { file, offset: at };
  if (refused !== undefined) return error("pickle-dtype", place, refused);
  const hint = `${name.startsWith("numpy") ? numpyHint : whole}, or re-save as safetensors`;
  return withNote(error("pickle-global", place, name), hint);
}
