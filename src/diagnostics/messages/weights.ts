import type { Message } from "../messages.ts";

/** What can be wrong with a tensor file, or with its tensors against the model. */
export const weightMessages = {
  "weights-truncated": {
    kind: "E_W_TRUNC",
    text: (needed: number, found: number) =>
      `the file ends too early: ${needed} bytes are announced, ${found} are there`,
  },
} as const satisfies Record<string, Message>;
