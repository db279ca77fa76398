import type { Message } from "../messages.ts";

/** What can be wrong with a command line, a file system, a device or a run. */
export const machineMessages = {
  usage: { kind: "E_USAGE", text: (what: string) => what },
} as const satisfies Record<string, Message>;
