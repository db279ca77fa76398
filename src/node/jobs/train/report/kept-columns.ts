import * as fs from "node:fs";
import { ok, type Result } from "../../../../diagnostics/diagnostic.ts";
import { warning } from "../../../../diagnostics/messages.ts";
import { type JsonLimits, readJson } from "../../../../json/read.ts";
import { isObject } from "../../../../json/shape.ts";
import type { ReconstructedColumn, Reconstructions } from "../../../../training/report/reconstructions.ts";
import { utf8 } from "../../../../weights/formats/utf8.ts";
import { writeFile } from "../../../files/write-file.ts";

const limits: JsonLimits = { bytes: 2 ** 26, values: 2 ** 12 };

/**
 * The columns of reconstructions that a run has left, of steps that are done, if they are of the same pictures. A file
 * that cannot be read costs them, with a warning.
 */
export function readColumns(
  file: string,
  pictures: Reconstructions["pictures"],
  step: number,
): Result<readonly ReconstructedColumn[]> {
  if (!fs.existsSync(file)) return ok([]);
  const wrong = (place: Parameters<typeof warning>[1], why: string) => warning("report-damaged", place, why);
  const json = readJson({ file, bytes: fs.readFileSync(file), limits, wrong });
  if (!json.ok) return ok([], [warning("report-damaged", { file, offset: null }, "cannot be read")]);
  const { pictures: before, columns } = isObject(json.value) ? json.value : {};
  if (!Array.isArray(columns) || !columns.every(column => isColumn(column, pictures.length)))
    return ok([], [warning("report-damaged", { file, offset: null }, "are not as they were written")]);
  if (JSON.stringify(before) !== JSON.stringify(pictures)) return ok([]);
  return ok(columns.filter(column => column.step <= step));
}

/** Whole or not at all. */
export const writeColumns = (file: string, reconstructions: Reconstructions) =>
  writeFile(file, [utf8(`${JSON.stringify({ format: 1, ...reconstructions })}\n`)]);

function isColumn(value: unknown, count: number): value is ReconstructedColumn {
  if (!isObject(value)) return false;
  const { step, pictures, losses } = value;
  return (
    typeof step === "number" &&
    Array.isArray(pictures) &&
    pictures.length === count &&
    pictures.every(picture => typeof picture === "string" && /^data:image\/png;base64,[\w+/=]*$/.test(picture)) &&
    Array.isArray(losses) &&
    losses.length === count &&
    losses.every(loss => loss === null || typeof loss === "number")
  );
}
