import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { error } from "../../diagnostics/messages.ts";
import { version } from "../process/version.ts";
import { type Outcome, outcome } from "./outcome.ts";

/** What nobody expected: a sentence that asks for a report, and a file with what the report needs. */
export function crash(cause: unknown): Outcome {
  const thrown = cause instanceof Error ? cause : new Error(String(cause));
  const [firstLine = "it threw nothing"] = thrown.message.split("\n");
  const where = writeBundle(thrown);
  return outcome({
    diagnostics: [error("internal", null, firstLine)],
    notes: [
      `Please report it, with the command and the spec (cnxc ${version}, node ${process.version}, ${process.platform} ${process.arch})`,
      ...(where === null ? [] : [`and with this file, which holds what is needed to find the cause: ${where}`]),
    ],
  });
}

function writeBundle({ name, message, stack }: Error): string | null {
  try {
    const file = path.join(mkdtempSync(path.join(tmpdir(), "cnxc-crash-")), "crash.json");
    const command = process.argv.slice(2);
    const { version: node, platform, arch } = process;
    writeFileSync(
      file,
      `${JSON.stringify({ version, node, platform, arch, command, name, message, stack }, null, 2)}\n`,
    );
    return file;
  } catch {
    return null;
  }
}
