import type { Command } from "commander";
import type { Outcome } from "../outcome/outcome.ts";

/** Adds one command to the program. Its action hands the work to `execute`, which prints the outcome and ends the process. */
export type AddCommand = (program: Command, execute: (work: () => Promise<Outcome>) => Promise<void>) => void;
