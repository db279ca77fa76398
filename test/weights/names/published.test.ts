import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { embedPublished, publishedFile } from "../../../scripts/embed-published.mjs";
import { published } from "../../../src/embedded/published.ts";
import { checkFiles, filesOf, must } from "../../syntax/support.ts";

test("src/embedded/published.ts is what the spec says; if not: npm run generate", () => {
  expect(readFileSync(publishedFile, "utf8")).toBe(embedPublished());
  const spec = filesOf({ "input.cnx": readFileSync("specs/convnextv2.cnx", "utf8") });
  const models = [...must(checkFiles(spec)).models.values()];
  expect(published).toEqual(
    models.map(({ name, stages }) => ({
      name,
      depths: stages.map(({ depth }) => depth),
      dims: stages.map(({ dim }) => dim),
    })),
  );
});
