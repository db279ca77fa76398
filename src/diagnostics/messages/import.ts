import { shown } from "../escape.ts";
import type { Message } from "../messages.ts";
import { quoted } from "./quoted.ts";

/** What a spec cannot be made from. */
export const importMessages = {
  "import-json": { kind: "E_O_FORMAT", text: (why: string) => `the file is no JSON object: ${why}` },
  "import-too-large": {
    kind: "E_O_FORMAT",
    text: (size: number, most: number) => `a config of ${size} bytes is no config: the most is ${most}`,
  },
  "import-field": {
    kind: "E_O_FORMAT",
    text: (field: string, value: string, wanted: string) =>
      `${quoted(field)} is ${shown(value, 100)}, but must be ${wanted}`,
  },
  "import-unknown-model": {
    kind: "E_USAGE",
    text: (name: string, nearest: string | null) =>
      `timm's ${quoted(name)} is not known${nearest === null ? "" : `, did you mean ${quoted(nearest)}?`}`,
  },
  "import-unknown-tag": {
    kind: "E_USAGE",
    text: (tag: string, known: readonly string[]) =>
      `the tag ${quoted(tag)} does not end with ${known.join(", ")} or the side of an image after one of them`,
  },
  "import-unclear": { kind: "E_W_SHAPE", text: (what: string) => `the tensors do not say ${what}` },
  "import-other-network": {
    kind: "E_W_SHAPE",
    text: (modules: readonly string[]) =>
      `the tensors are another network's: no ConvNeXt has what is in ${modules.map(quoted).join(", ")}`,
  },
  "import-misshapen": {
    kind: "E_W_SHAPE",
    text: (names: readonly string[]) => `the other tensors contradict the shapes of ${names.map(quoted).join(", ")}`,
  },
} as const satisfies Record<string, Message>;
