import pc from "picocolors";
import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { escapeControls, escapeJson, escapeLines } from "../../diagnostics/escape.ts";
import { exitCodes } from "../../diagnostics/exit-codes.ts";
import { formatDiagnostics, plainDiagnostic, type Role, shownDiagnostics } from "../../diagnostics/format.ts";
import { messages } from "../../diagnostics/messages.ts";
import { signalExitCode } from "../process/interrupt.ts";
import type { Outcome } from "./outcome.ts";

/** Of the object that `--json` prints; raised when a program that reads it would have to change. */
const schemaVersion = 1;

const isError = ({ severity }: Diagnostic): boolean => severity === "error";

/** The exit code of the first error: the table in exit-codes.ts is the contract. */
export function exitCodeOf({ diagnostics, exitCode, endedBy }: Outcome): number {
  const first = diagnostics.find(isError);
  if (endedBy !== null) return signalExitCode(endedBy);
  return exitCode ?? (first === undefined ? 0 : exitCodes[messages[first.code].kind]);
}

/** Whether to colour is decided below, for standard error, and not by where the process runs. */
const paint = pc.createColors(true);

const roles: Readonly<Record<Role, (text: string) => string>> = {
  error: text => paint.bold(paint.red(text)),
  warning: text => paint.bold(paint.yellow(text)),
  place: paint.cyan,
  gutter: paint.blue,
  mark: paint.red,
  note: text => text,
};

/**
 * What a command has to say: its result for standard output, all the rest for standard error. Here everything passes on
 * its way to a terminal, so here nothing is let through that would command it.
 */
export function render(outcome: Outcome, json: boolean): { readonly stdout: string; readonly stderr: string } {
  if (outcome.exitCode !== null) return { stdout: outcome.text, stderr: "" };
  if (json) return { stdout: `${escapeJson(JSON.stringify(jsonOf(outcome)))}\n`, stderr: "" };
  const { NO_COLOR, FORCE_COLOR } = process.env;
  const colour = NO_COLOR === undefined && (FORCE_COLOR === undefined ? process.stderr.isTTY : FORCE_COLOR !== "0");
  const style = (role: Role, text: string): string => (colour ? roles[role](text) : text);
  const diagnostics = outcome.diagnostics.length === 0 ? "" : `${formatDiagnostics(outcome.diagnostics, { style })}\n`;
  const notes = outcome.notes.map(note => `${escapeLines(note)}\n`).join("");
  return { stdout: escapeLines(outcome.text), stderr: diagnostics + notes };
}

function jsonOf({ diagnostics, outputs, result }: Outcome): object {
  const omitted = diagnostics.length - shownDiagnostics;
  return {
    schemaVersion,
    ok: !diagnostics.some(isError),
    diagnostics: diagnostics.slice(0, shownDiagnostics).map(plainDiagnostic),
    ...(omitted > 0 ? { omitted } : {}),
    outputs: outputs.map(({ path, status }) => ({ path: escapeControls(path), status })),
    ...(result === null ? {} : { result }),
  };
}
