import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";

const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--fetch-retries=0"];

/**
 * A folder with a package that npm has, too large for a development dependency: installed once, without its scripts, and
 * kept in node_modules. `overrides` are npm's own. Null where npm cannot fetch it.
 */
export function npmPackage(name: string, version: string, overrides: Readonly<Record<string, string>>): string | null {
  const manifest = JSON.stringify({ private: true, type: "module", dependencies: { [name]: version }, overrides });
  const hash = createHash("sha256").update(manifest).digest("hex").slice(0, 16);
  const folder = path.resolve("node_modules/.cache/cnxc-consumers", hash);
  const whole = path.join(folder, "whole");
  if (fs.existsSync(whole)) return folder;
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, "package.json"), manifest);
  const { status, stderr } = spawnSync("npm", ["install", ...options], { cwd: folder, encoding: "utf8" });
  if (status !== 0) {
    console.error(`tests without ${name} ${version}: ${stderr.trim().split("\n")[0]}`);
    return null;
  }
  fs.writeFileSync(whole, "");
  return folder;
}
