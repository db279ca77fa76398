import { describe, expect, test } from "vitest";
import { codesOf, filesOf, loadFiles, must } from "./support.ts";

const model = (name: string) => `model ${name} { depths [1]  dims [8] }\n`;

describe("imports", () => {
  test("come before what imports them, each once, read once", () => {
    const asked: string[] = [];
    const files = filesOf({
      "input.cnx": `import "left.cnx"\nimport "deep/right.cnx"\n${model("a")}`,
      "left.cnx": `import "base.cnx"\n`,
      "deep/right.cnx": `import "../base.cnx"\nimport "./near.cnx"\n`,
      "deep/near.cnx": model("n"),
      "base.cnx": model("b"),
    });
    const asts = must(loadFiles(files, "input.cnx", asked));
    expect(asts.map(({ source }) => source.name)).toEqual([
      "base.cnx",
      "left.cnx",
      "deep/near.cnx",
      "deep/right.cnx",
      "input.cnx",
    ]);
    // The two ways to write base.cnx are asked for both; whoever reads may know that they are one.
    expect(asked.filter(name => name === "left.cnx")).toHaveLength(1);
    expect(asked.filter(name => name === "base.cnx")).toHaveLength(2);
  });

  test("of one text in one folder are read once", () => {
    const asked: string[] = [];
    const names = Array.from({ length: 20 }, (_, i) => `f${i}.cnx`);
    const files = filesOf({
      "input.cnx": names.map(name => `import "${name}"\n`).join("") + model("a"),
      ...Object.fromEntries(names.map(name => [name, 'import "base.cnx"\n'])),
      "base.cnx": model("b"),
    });
    must(loadFiles(files, "input.cnx", asked));
    expect(asked).toHaveLength(21);
  });

  test("are all looked at, even where one is wrong", () => {
    const files = filesOf({
      "input.cnx": 'import "a.cnx"\nimport "b.cnx"\nimport "c.cnx"\n',
      "a.cnx": "model {}",
      "b.cnx": "",
    });
    expect(codesOf(loadFiles(files))).toEqual(["syntax", "empty-spec", "import-unreadable"]);
  });
});
