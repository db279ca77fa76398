import { existsSync } from "node:fs";
import { fail, ok, type Result } from "../../diagnostics/diagnostic.ts";
import { error } from "../../diagnostics/messages.ts";
import { shippedTables } from "../../emit/cuda/shipped-tables.ts";
import { readTable, type TuningTable, tableLimits } from "../../emit/cuda/tuning-table.ts";
import { readFileWithin } from "../files/read.ts";

const mostBytes = tableLimits.bytes;

/** The table that cnxc has under that name, or the one in that file. */
export function openTable(name: string): Result<TuningTable> {
  const shipped = Object.hasOwn(shippedTables, name) ? shippedTables[name] : undefined;
  if (shipped) return ok(shipped);
  if (!existsSync(name)) return fail(error("tuning-unknown", null, name, Object.keys(shippedTables).join(", ")));
  const bytes = readFileWithin(name, mostBytes, size =>
    error("tuning-table", { file: name, offset: null }, `its size, ${size} bytes,`, `at most ${mostBytes}`),
  );
  return bytes.ok ? readTable(bytes.value, name) : bytes;
}
