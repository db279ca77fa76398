import { shown } from "../escape.ts";

/** A name or a word from a file or a command line, as a sentence holds it. */
export const quoted = (name: string): string => `'${shown(name, 100)}'`;

/** The same without quotes, for what the user wrote in a spec: a word can be as long as the file. */
export const short = (text: string): string => shown(text, 64);
