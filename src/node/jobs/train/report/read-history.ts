import * as fs from "node:fs";
import { warning } from "../../../../diagnostics/messages.ts";
import { readJson, smallJson } from "../../../../json/read.ts";
import { isObject } from "../../../../json/shape.ts";
import { type Evaluation, type History, noHistory } from "../../../../training/report/history.ts";
import { utf8 } from "../../../../weights/formats/utf8.ts";

/** What a log says so far; lines that are none of ours say nothing. */
export function readHistory(log: string): History {
  const history = noHistory();
  for (const line of fs.readFileSync(log, "utf8").split("\n")) {
    if (line === "") continue;
    const wrong = (place: Parameters<typeof warning>[1], why: string) => warning("report-damaged", place, why);
    const json = readJson({ file: log, bytes: utf8(line), limits: smallJson, wrong });
    if (json.ok && isObject(json.value)) addLine(history, json.value);
  }
  return history;
}

/** A line of the log, as it was written or as it is read. */
export function addLine(history: History, line: Readonly<Record<string, unknown>>): void {
  const { step, lr, loss, grad_norm: norm, skipped } = line;
  if (typeof step !== "number") return;
  if (typeof lr !== "number") {
    history.evaluations.push(line as unknown as Evaluation);
    return;
  }
  history.steps.push(step + 1);
  history.lr.push(lr);
  history.loss.push(typeof loss === "number" ? loss : Number.NaN);
  history.gradNorm.push(typeof norm === "number" ? norm : Number.NaN);
  if (skipped === true) history.skipped.push(step + 1);
}
