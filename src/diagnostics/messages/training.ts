import type { Message } from "../messages.ts";
import { quoted } from "./quoted.ts";

/** What can be wrong with a run of training and its folder. */
export const trainingMessages = {
  "run-foreign": {
    kind: "E_IO_UNSAFE",
    text: (example: string) =>
      `the folder is no run of cnxc train, it holds ${quoted(example)}; choose an empty or new one`,
  },
  "run-exists": {
    kind: "E_IO_UNSAFE",
    text: () => "the folder holds a run already; go on with it by --resume, or choose another folder",
  },
  "run-missing": {
    kind: "E_IO_NOTFOUND",
    text: () => "there is no run to resume; leave out --resume to begin one",
  },
  "run-differs": {
    kind: "E_USAGE",
    text: (there: string, now: string) =>
      `the run was begun with ${quoted(there)}, but the spec says ${quoted(now)}; go on with the same recipe and model, or begin another run`,
  },
  "run-longer": {
    kind: "E_USAGE",
    text: (done: number, steps: number) =>
      `the run has done ${done} steps, but the recipe asks for ${steps}; raise steps, or begin another run`,
  },
  "run-version": {
    kind: "W_O",
    text: (there: string, now: string) =>
      `the checkpoint was written by cnxc ${there}, this is ${now}: from here on the numbers may differ in their last bits`,
  },
  "checkpoint-damaged": {
    kind: "W_O",
    text: (why: string) => `the checkpoint ${why}, and is passed over`,
  },
  "checkpoints-gone": {
    kind: "E_O_FORMAT",
    text: () => "none of the checkpoints is whole; begin another run, from -w one of their model.safetensors",
  },
  "steps-skipped": {
    kind: "W_O",
    text: (skipped: number, steps: number) =>
      `${skipped} of ${steps} steps changed nothing, since the norm of their gradients was not finite; lower lr, or look at the images`,
  },
} as const satisfies Record<string, Message>;
