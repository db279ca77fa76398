import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { shown } from "../../diagnostics/escape.ts";
import type { Signal } from "../process/interrupt.ts";

export interface Output {
  readonly path: string;
  readonly status: "written" | "unchanged" | "removed" | "other" | "kept" | "stale" | "missing" | "extra";
}

/** What a command gives back: everything it has to say, printed by nobody else. */
export interface Outcome {
  readonly diagnostics: readonly Diagnostic[];
  readonly outputs: readonly Output[];
  /** Its result, for standard output; with `--json` it is left out. */
  readonly text: string;
  /** The same for a program, where it is more than `outputs`: with `--json` it stands under `result`. */
  readonly result: Readonly<Record<string, unknown>> | null;
  /** Remarks for a person, one line each, on standard error. */
  readonly notes: readonly string[];
  /** Set where all there is to say is `text`, as of help, or a child has said it: the exit code. */
  readonly exitCode: number | null;
  /** The signal that ended the work early, where what it had is told all the same. */
  readonly endedBy: Signal | null;
}

export const outcome = (some: Partial<Outcome>): Outcome => ({
  diagnostics: [],
  outputs: [],
  text: "",
  result: null,
  notes: [],
  exitCode: null,
  endedBy: null,
  ...some,
});

/** A remark on what lies in an output directory and is the user's. */
export const keptNotes = (kept: readonly string[]): readonly string[] =>
  kept.length === 0
    ? []
    : [
        `${kept.length} files there are not cnxc's and were left: ${kept
          .slice(0, 5)
          .map(name => shown(name))
          .join(", ")}`,
      ];
