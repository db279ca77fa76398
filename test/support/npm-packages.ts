import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";

const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--fetch-retries=0"];

/**
 * A folder with packages that npm has, too large for development dependencies: installed once, without their scripts, and
 * kept in node_modules. `overrides` are npm's own. Null where npm cannot fetch them.
 */
export function npmPackages(
  dependencies: Readonly<Record<string, string>>,
  overrides: Readonly<Record<string, string>> = {},
): string | null {
  const manifest = JSON.stringify({ private: true, type: "module", dependencies, overrides });
  const hash = createHash("sha256").update(manifest).digest("hex").slice(0, 16);
  const folder = path.resolve("node_modules/.cache/cnxc-npm", hash);
  const whole = path.join(folder, "whole");
  if (fs.existsSync(whole)) return folder;
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, "package.json"), manifest);
  const { status, stderr } = spawnSync("npm", ["install", ...options], { cwd: folder, encoding: "utf8" });
  if (status !== 0) {
    const names = Object.entries(dependencies).map(([name, version]) => `${name} ${version}`);
    console.error(`tests without ${names.join(", ")}: ${stderr.trim().split("\n")[0]}`);
    return null;
  }
  fs.writeFileSync(whole, "");
  return folder;
}
