import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { onTestFinished } from "vitest";

/** A new folder that goes away with its test. */
export function newFolder(): string {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "cnxc-test-")));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes files by their paths, folders included. */
export function fill(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), text);
  }
}

/** Everything below a folder as path → text, links as what they name, empty folders too; null where it is missing. */
export function snapshot(folder: string): Readonly<Record<string, string>> | null {
  if (!fs.existsSync(folder)) return null;
  const found: Record<string, string> = {};
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const full = path.join(entry.parentPath, entry.name);
    const at = path.relative(folder, full);
    if (entry.isSymbolicLink()) found[at] = `-> ${fs.readlinkSync(full)}`;
    else if (entry.isFile()) found[at] = fs.readFileSync(full, "utf8");
    else if (fs.readdirSync(full).length === 0) found[`${at}/`] = "";
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}
