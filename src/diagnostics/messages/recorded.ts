import type { Message } from "../messages.ts";
import { quoted } from "./quoted.ts";
import { shape } from "./weights.ts";

/** What can be wrong with a file of values that were recorded elsewhere, and with a model beside it. */
export const recordedMessages = {
  "recorded-none": { kind: "E_W_MISSING", text: () => "the file holds no values to compare with" },
  "recorded-unknown": {
    kind: "E_W_EXTRA",
    text: (name: string, model: string, nearest: string | null) =>
      `${quoted(name)} is no output and no module of ${quoted(model)}${nearest === null ? "" : `, did you mean ${quoted(nearest)}?`}`,
  },
  "recorded-twice": {
    kind: "E_W_DUPKEY",
    text: (first: string, second: string, name: string) =>
      `${quoted(first)} and ${quoted(second)} are both the model's ${quoted(name)}`,
  },
  "recorded-misfit": {
    kind: "E_W_SHAPE",
    text: (name: string, dtype: string, found: readonly number[], needed: readonly number[], layout: string) =>
      `${quoted(name)} is ${dtype} ${shape(found)}, expected F32 or F64 ${shape(needed)}${layout}`,
  },
} as const satisfies Record<string, Message>;
