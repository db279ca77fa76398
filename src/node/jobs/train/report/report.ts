import * as path from "node:path";
import type { Diagnostic } from "../../../../diagnostics/diagnostic.ts";
import { Failure } from "../../../../diagnostics/failure.ts";
import { runPage } from "../../../../training/report/page.ts";
import { keptColumns, type ReconstructedColumn } from "../../../../training/report/reconstructions.ts";
import { utf8 } from "../../../../weights/formats/utf8.ts";
import { writeFile } from "../../../files/write-file.ts";
import { evaluationsFile, logFile } from "../run-folder.ts";
import { readColumns, writeColumns } from "./kept-columns.ts";
import type { Looks } from "./looks.ts";
import { addEvaluation, addStep, readHistory } from "./read-history.ts";

export const reportFile = "report.html";
/** The reconstructions in it, from which it is written again. */
export const columnsFile = "report.json";

/** The page of a run, which is written anew at every checkpoint. */
export interface Report {
  readonly odd: readonly Diagnostic[];
  /** A line of the log. */
  step(line: object): void;
  /** A line of the evaluations. */
  evaluated(line: object): void;
  /** Keeps reconstructions, before the checkpoint that they are of. Throws a `Failure`. */
  keep(column: ReconstructedColumn): Promise<void>;
  /** Whole or not at all; gives the files that there are then, below the folder of the run. Throws a `Failure`. */
  write(): Promise<readonly string[]>;
}

export interface ReportRequest {
  readonly run: string;
  /** Steps that are done. */
  readonly step: number;
  readonly steps: number;
  readonly recipe: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly looks: Looks | null;
}

/** Goes on from what the folder of the run holds, after its log was made to end where the run goes on. */
export function openReport({ run, step, steps, recipe, facts, looks }: ReportRequest): Report {
  const [page, kept] = [path.join(run, reportFile), path.join(run, columnsFile)];
  const history = readHistory(path.join(run, logFile), path.join(run, evaluationsFile));
  const pictures = looks?.pictures ?? null;
  const before = pictures === null ? null : readColumns(kept, pictures, step);
  let columns = before?.ok ? before.value : [];
  return {
    odd: before?.diagnostics ?? [],
    step: line => addStep(history, line as Readonly<Record<string, unknown>>),
    evaluated: line => addEvaluation(history, line as Readonly<Record<string, unknown>>),
    async keep(column) {
      columns = keptColumns([...columns, column]);
      throwing(await writeColumns(kept, { pictures: pictures ?? [], columns }));
    },
    async write() {
      const reconstructions = pictures === null ? null : { pictures, columns };
      const html = runPage({ recipe, facts, steps, history, reconstructions });
      throwing(await writeFile(page, [utf8(html)]));
      return columns.length === 0 ? [reportFile] : [reportFile, columnsFile];
    },
  };
}

function throwing(problem: Diagnostic | null): void {
  if (problem !== null) throw new Failure(problem);
}
