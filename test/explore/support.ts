import { writeFileSync } from "node:fs";
import * as path from "node:path";

/** A spec on disk. */
export function written(folder: string, text: string): string {
  const file = path.join(folder, "sweep.cnx");
  writeFileSync(file, text);
  return file;
}
