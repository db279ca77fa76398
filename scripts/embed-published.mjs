// @ts-check
// Writes src/embedded/published.ts from specs/convnextv2.cnx: the core reads no files, and needs the published sizes to
// say which of them a checkpoint is.
import * as fs from "node:fs";
import * as path from "node:path";
import { pathToFileURL } from "node:url";

const root = path.resolve(import.meta.dirname, "..");
export const publishedFile = path.join(root, "src", "embedded", "published.ts");

/** The text that `src/embedded/published.ts` must have. */
export function embedPublished() {
  const spec = fs.readFileSync(path.join(root, "specs", "convnextv2.cnx"), "utf8");
  const models = [...spec.matchAll(/^model (\w+) \{\s+depths (\[.*\])\s+dims +(\[.*\])$/gm)];
  const lines = models.map(([, name, depths, dims]) => `  { name: "${name}", depths: ${depths}, dims: ${dims} },\n`);
  return `// Made by scripts/embed-published.mjs from specs/convnextv2.cnx.

export const published = [
${lines.join("")}] as const;
`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  fs.writeFileSync(publishedFile, embedPublished());
