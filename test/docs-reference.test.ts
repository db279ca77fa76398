import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { opNames } from "../src/graph/ops.ts";
import { print } from "../src/graph/print.ts";
import { read } from "../src/graph/read.ts";
import { verify } from "../src/graph/verify.ts";
import { allPasses, learningGroupingPasses, learningPasses } from "../src/passes/all.ts";
import { maxDepth, maxOpcodes, opcodeCount } from "../src/weights/formats/pickle.ts";
import { allowedGlobals, findGlobal } from "../src/weights/formats/pickle-globals.ts";
import { cnxc } from "./support/cli.ts";
import { checkFiles, filesOf, must } from "./syntax/support.ts";

const doc = (file: string): string => readFileSync(file, "utf8");
const blocks = (text: string, language: string): readonly string[] =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs"))].map(([, code = ""]) => code);

describe("docs/ir.md", () => {
  const text = doc("docs/ir.md");

  test("has a row for every op", () => {
    for (const op of opNames) expect(text).toMatch(new RegExp(`^\\| \`${op}\` +\\|`, "m"));
  });

  test("names the attributes of every op", () => {
    const grid = "readonly rows: readonly columns: readonly keep: ";
    const source = `${doc("src/graph/ops.ts")}${doc("src/graph/training-ops.ts")}`
      .replaceAll(/\{\n([^{}]*)\n {2}\};/g, (_, lines) => `{ ${lines.replaceAll(/\s+/g, " ").trim()} };`)
      .replaceAll("PatchGrid;", `{ ${grid} };`)
      .replaceAll("PatchGrid & {", `{ ${grid}`);
    const ops = [...source.matchAll(/^ {2}readonly (\w+): (?:NoAttrs|\{ (.*) \});$/gm)];
    expect(ops.length).toBe(opNames.length);
    for (const [, op = "", attrs = ""] of ops) {
      const [, shown = ""] = new RegExp(`^\\| \`${op}\` +\\|([^|]*)\\|`, "m").exec(text) ?? [];
      const names = [...attrs.matchAll(/readonly (\w+)\??:/g)].map(([, name]) => `\`${name}\``);
      expect(shown.trim(), op).toBe(names.join(", "));
    }
  });

  test("shows every pass, as its own file does", () => {
    const titles = [...text.matchAll(/^### (.+)$/gm)].map(([, name]) => name);
    expect(titles).toEqual([...allPasses, ...learningPasses, ...learningGroupingPasses].map(pass => pass.name));
    for (const { name } of [...allPasses, ...learningPasses, ...learningGroupingPasses]) {
      const room = name.startsWith("fuse-") ? "grouping/" : "";
      const header = doc(`src/passes/${room}${name}.ts`).replaceAll(/^ \* ?/gm, "");
      const [shown = ""] = blocks(text.slice(text.indexOf(`### ${name}\n`)), "text");
      for (const line of shown.trimEnd().split("\n")) expect(header).toContain(line);
    }
  });

  test("has a glossary in order, whose code words are names of the source", () => {
    const glossary = text.slice(text.indexOf("## Glossary"));
    const rows = [...glossary.matchAll(/^\| (.+?) +\| (.+?) +\|$/gm)].slice(2).map(([, term = "", meaning = ""]) => ({
      term,
      words: [...`${term} ${meaning}`.matchAll(/`(\w+)`/g)].map(([, word = ""]) => word),
    }));
    const plain = rows.map(({ term }) => term.replaceAll("`", "").toLowerCase());
    expect(plain.length).toBeGreaterThan(30);
    expect(plain).toEqual([...new Set(plain)].sort());
    const names = new Set(
      readdirSync("src", { recursive: true, encoding: "utf8" })
        .filter(file => file.endsWith(".ts") && !file.startsWith("embedded"))
        .flatMap(file => doc(`src/${file}`).match(/\w+/g) ?? []),
    );
    const gone = rows.flatMap(({ words }) => words.filter(word => word !== "code" && !names.has(word)));
    expect(gone).toEqual([]);
  });

  test.each(blocks(text, "graph"))("graph %# reads back", code => {
    expect(print(verify(read(code), "the page"))).toBe(code);
  });
});

describe("docs/cli.md", () => {
  const text = doc("docs/cli.md");
  test.each([
    "compile",
    "run",
    "train",
    "verify",
    "classify",
    "reconstruct",
    "weights",
    "weights convert",
    "weights inspect",
    "weights diff",
    "import",
    "explore",
    "calibrate",
    "tune",
    "info",
    "inspect",
    "check",
    "fmt",
  ])("has the help of %s as it is printed", async command => {
    const { code, stdout } = await cnxc([...command.split(" "), "--help"]);
    expect(code).toBe(0);
    expect(blocks(text, "text")).toContain(`${stdout.trim()}\n`);
  });

  test("has every command and exit code", async () => {
    const { stdout } = await cnxc(["--help"]);
    const commands = [...stdout.matchAll(/^ {2}(\w+) \[options\]/gm)].map(([, name]) => name);
    expect([...text.matchAll(/^## cnxc (\w+)$/gm)].map(([, name]) => name)).toEqual(commands);
    for (const line of stdout.slice(stdout.indexOf("Exit codes:")).split("\n").slice(1)) expect(text).toContain(line);
  });
});

describe("docs/weights.md", () => {
  const text = doc("docs/weights.md");

  test("names all that a pickle may name, and says how much it may hold", () => {
    const isDtype = (name: string) => /^torch\.(b?float|u?int|bool|complex)\w*$/.test(name);
    const refused = (name: string) => findGlobal(name.replace(/\.\w+$/, ""), name.replace(/^.*\./, ""))?.refused;
    const shown = allowedGlobals.filter(name => !isDtype(name) && refused(name) === undefined);
    expect(shown.length).toBeGreaterThan(15);
    for (const name of shown) expect(text).toContain(`\`${name}\``);
    for (const most of [maxOpcodes.toLocaleString("en"), `${maxDepth}\nlevels`, `${opcodeCount} opcodes`])
      expect(text).toContain(most);
  });
});

describe("README.md", () => {
  const text = doc("README.md");

  test("its spec is right, and twelve lines long", () => {
    const [spec = ""] = blocks(text, "cnx");
    must(checkFiles(filesOf({ "input.cnx": spec })));
    expect(
      spec
        .trimEnd()
        .split("\n")
        .filter(line => line !== "").length,
    ).toBeLessThanOrEqual(12);
  });

  test("the parts of its kernel stand in the generated one, in that order", () => {
    const [, file = ""] = /<!-- kernel: (\S+) -->/.exec(text) ?? [];
    const [shown = "", ...others] = blocks(text, "wgsl");
    expect(others).toEqual([]);
    expect(shown.split("\n").length).toBeLessThanOrEqual(20);
    let rest = `\n${doc(file)}`;
    for (const part of shown.split("// …\n")) {
      expect(rest).toContain(`\n${part}`);
      rest = rest.slice(rest.indexOf(`\n${part}`) + part.length);
    }
  });

  test("its lines are short, those of its tables a little longer", () => {
    const most = (line: string) => (line.startsWith("|") ? 140 : 120);
    expect(text.split("\n").filter(line => line.length > most(line))).toEqual([]);
  });

  test("its figures are those of bench/results", () => {
    const rows = [
      ...text.matchAll(/^\| (\w+)(.*) `npm run bench -- .* \[([\d.]+)\]\((bench\/results\/\S+)\.md\) *\|$/gm),
    ];
    expect(rows.length).toBe(text.split("`npm run bench -- ").length - 1);
    const seen = new Map<string, number>();
    for (const [row, what = "", , ratio = "", file = ""] of rows) {
      const place = seen.get(file) ?? 0;
      seen.set(file, place + 1);
      if (file.endsWith("-h200"))
        expect(doc(`${file}.md`), row).toMatch(new RegExp(`^\\| ${what} .*\\| ${ratio} \\|$`, "m"));
      else {
        const saved = JSON.parse(doc(`${file}.json`)) as { readonly rows: readonly { readonly ratio: number }[] };
        expect(Number(ratio), row).toBeCloseTo(saved.rows[place]?.ratio ?? Number.NaN, 2);
      }
    }
    expect(
      [...seen.keys()].filter(file => !file.endsWith("-h200")).map(file => file.slice("bench/results/".length)),
    ).toEqual(["webgpu", "onnx", "compile", "train"]);
  });
});

const pages = [
  "README.md",
  ...readdirSync("docs")
    .filter(file => file.endsWith(".md"))
    .map(file => `docs/${file}`),
];

test("every file and folder of the checkout that a page names is there", () => {
  const named = /`((?:src|templates|scripts|test|bench|specs|docs)\/[\w./-]+)`/g;
  const gone = pages.flatMap(page =>
    [...doc(page).matchAll(named)].filter(([, at = ""]) => !existsSync(at)).map(([, at]) => `${page}: ${at}`),
  );
  expect(gone).toEqual([]);
});

test("every link between pages leads somewhere", () => {
  for (const page of pages) {
    for (const [, link = ""] of doc(page).matchAll(/\]\(([^)#]+)\)/g)) {
      if (/^https?:/.test(link)) continue;
      const target = page.startsWith("docs/") && !link.startsWith("../") ? `docs/${link}` : link.replace(/^\.\.\//, "");
      expect(existsSync(target), `${page}: ${link}`).toBe(true);
    }
  }
});
