import * as fs from "node:fs";
import { warning } from "../../../../diagnostics/messages.ts";
import { readJson, smallJson } from "../../../../json/read.ts";
import { isObject } from "../../../../json/shape.ts";
import { type Evaluation, type History, noHistory } from "../../../../training/report/history.ts";
import { utf8 } from "../../../../weights/formats/utf8.ts";

/** What the log and the evaluations of a run say so far; lines that are none of ours say nothing. */
export function readHistory(log: string, evaluations: string): History {
  const history = noHistory();
  for (const line of linesOf(log)) addStep(history, line);
  for (const line of linesOf(evaluations)) addEvaluation(history, line);
  return history;
}

type Line = Readonly<Record<string, unknown>>;

function linesOf(file: string): readonly Line[] {
  if (!fs.existsSync(file)) return [];
  const wrong = (place: Parameters<typeof warning>[1], why: string) => warning("report-damaged", place, why);
  const lines = fs.readFileSync(file, "utf8").split("\n");
  return lines.flatMap(line => {
    const json = line === "" ? null : readJson({ file, bytes: utf8(line), limits: smallJson, wrong });
    return json?.ok && isObject(json.value) ? [json.value] : [];
  });
}

/** A line of the evaluations, as it was written or as it is read. */
export function addEvaluation(history: History, line: Line): void {
  if (typeof line.step === "number") history.evaluations.push(line as unknown as Evaluation);
}

/** A line of the log. */
export function addStep(history: History, line: Line): void {
  const { step, lr, loss, grad_norm: norm, skipped } = line;
  if (typeof step !== "number" || typeof lr !== "number") return;
  history.steps.push(step + 1);
  history.lr.push(lr);
  history.loss.push(typeof loss === "number" ? loss : Number.NaN);
  history.gradNorm.push(typeof norm === "number" ? norm : Number.NaN);
  if (skipped === true) history.skipped.push(step + 1);
}
