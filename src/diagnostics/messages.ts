import type { Diagnostic, Note, Place } from "./diagnostic.ts";
import { cut, escapeControls } from "./escape.ts";
import type { Kind } from "./exit-codes.ts";
import { archiveMessages } from "./messages/archives.ts";
import { artifactMessages } from "./messages/artifacts.ts";
import { compileMessages } from "./messages/compile.ts";
import { exploreMessages } from "./messages/explore.ts";
import { importMessages } from "./messages/import.ts";
import { machineMessages } from "./messages/machine.ts";
import { recordedMessages } from "./messages/recorded.ts";
import { shardMessages } from "./messages/shards.ts";
import { specMessages } from "./messages/spec.ts";
import { trainingMessages } from "./messages/training.ts";
import { weightMessages } from "./messages/weights.ts";

/** What a table of messages holds per code: the family it belongs to, and its sentence. */
export interface Message {
  readonly kind: Kind;
  /** Lower case, one sentence, no full stop; says what is wrong and, where there is one, the nearest right thing. */
  readonly text: (...args: never[]) => string;
}

/** Every sentence a user can be told. */
export const messages = {
  ...specMessages,
  ...compileMessages,
  ...weightMessages,
  ...shardMessages,
  ...importMessages,
  ...exploreMessages,
  ...archiveMessages,
  ...artifactMessages,
  ...machineMessages,
  ...trainingMessages,
  ...recordedMessages,
} as const;

export type DiagnosticCode = keyof typeof messages;
type Args<C extends DiagnosticCode> = Parameters<(typeof messages)[C]["text"]>;

const diagnostic =
  (severity: Diagnostic["severity"]) =>
  <C extends DiagnosticCode>(code: C, place: Place, ...args: Args<C>): Diagnostic => ({
    severity,
    code,
    place,
    notes: [],
    message: sentenceOf(messages[code].text as (...args: unknown[]) => string, args),
  });

/** Characters of a part of a message, and of the whole: what a file or a command line brings in can be of any length. */
const longest = { part: 1000, whole: 2000 } as const;

const bounded = (part: unknown): unknown => {
  if (typeof part === "string") return cut(part, longest.part);
  return Array.isArray(part) ? part.map(bounded) : part;
};

const sentence = (message: string): string => cut(escapeControls(message), longest.whole);

/** Of a sentence that is too long its parts are cut first, so that its end stays. */
function sentenceOf(text: (...args: unknown[]) => string, args: readonly unknown[]): string {
  const whole = text(...args);
  return sentence(whole.length <= longest.whole ? whole : text(...args.map(bounded)));
}

export const error = diagnostic("error");
export const warning = diagnostic("warning");

/** The same diagnostic with a second place or a hint. */
export const withNote = (to: Diagnostic, message: string, place: Place = null): Diagnostic => ({
  ...to,
  notes: [...to.notes, { message: sentence(message), place } satisfies Note],
});
