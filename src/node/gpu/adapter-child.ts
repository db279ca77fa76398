// Started by `spawnWithAdapter`: one message in, one answer out, and reports of progress before it.
import { pathToFileURL } from "node:url";
import type { Answer } from "./gpu-process.ts";

process.once("message", async ([message]: [unknown]) => {
  const answer: Answer = await run(message).then(
    value => ({ value }),
    (cause: unknown) => ({ failure: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) }),
  );
  process.send?.(answer, () => process.exit(0)); // Dawn would keep this process alive
});

async function run(message: unknown): Promise<unknown> {
  const [, , modulePath = ""] = process.argv;
  const loaded = (await import(pathToFileURL(modulePath).href)) as {
    default: (message: unknown, report: (progress: unknown) => void) => Promise<unknown>;
  };
  return loaded.default(message, progress => process.send?.({ progress } satisfies Answer));
}
