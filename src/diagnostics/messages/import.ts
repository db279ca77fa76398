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
    text: (tag: string, name: string, known: readonly string[]) =>
      `of the weights ${quoted(tag)} of timm's ${quoted(name)} nothing is known: download their config.json and give ` +
      `that, or take one of ${known.join(", ")}`,
  },
  "import-python": {
    kind: "E_O_FORMAT",
    text: () =>
      "a config in Python is not run: write it as JSON and give that, as Config.fromfile(…).dump('config.json') of " +
      "mmengine does",
  },
  "import-preprocessor": {
    kind: "E_O_FORMAT",
    text: () =>
      "this is how transformers prepares pictures, no model: give the config.json beside it, or the folder of both",
  },
  "import-hub-id": {
    kind: "E_IO_NOTFOUND",
    text: (name: string | null) =>
      "there is no such file: if it is the id of a model on a hub, download its config.json or its folder and give " +
      `that${name === null ? "" : `, or timm's name ${quoted(name)} alone`}`,
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
