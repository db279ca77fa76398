import type { Graph } from "../graph/graph.ts";
import { verify } from "../graph/verify.ts";

export interface Pass {
  /** File name = export in kebab-case = test directory = argument of `--print-after`. */
  readonly name: string;
  /** One sentence, for help and docs. */
  readonly summary: string;
  /** Pure: no I/O, clock, target, option or diagnostic. */
  readonly run: (graph: Graph) => Graph;
}

/** Printing, timing, explaining and the interpreter check watch from outside, so passes know none of them. */
export interface PassObserver {
  readonly pass?: (pass: Pass, before: Graph, after: Graph) => void;
}

/** The passes in order, each verified. */
export const runPasses = (graph: Graph, passes: readonly Pass[], observer: PassObserver = {}): Graph =>
  passes.reduce((before, pass) => {
    const after = verify(pass.run(before), pass.name);
    observer.pass?.(pass, before, after);
    return after;
  }, graph);
