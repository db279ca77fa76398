import type { Message } from "../messages.ts";

/** What can be wrong with a spec. */
export const specMessages = {
  syntax: { kind: "E_SPEC_SYNTAX", text: (expected: string) => `expected ${expected}` },
} as const satisfies Record<string, Message>;
