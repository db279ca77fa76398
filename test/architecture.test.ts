import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";

const src = path.resolve(import.meta.dirname, "../src");
const files = fs
  .readdirSync(src, { recursive: true, encoding: "utf8" })
  .map(file => file.split(path.sep).join("/"))
  .filter(file => file.endsWith(".ts"))
  .sort();

interface Import {
  readonly from: string;
  /** Relative to src, or the name of a package. */
  readonly to: string;
  readonly typeOnly: boolean;
}

const importsOf = (from: string): readonly Import[] => {
  const text = fs.readFileSync(path.join(src, from), "utf8");
  const found = text.matchAll(
    /(import|export)(\s+type)?\s[^;"'`]*?from "([^"\n]+)"|import\("([^"\n]+)"\)|^import "([^"\n]+)"/gm,
  );
  return [...found].map(([, , type, fromName, called, bare]) => {
    const name = fromName ?? called ?? bare ?? "";
    const to = name.startsWith(".") ? path.posix.join(path.posix.dirname(from), name) : name;
    return { from, to, typeOnly: type !== undefined };
  });
};
/** A generated module imports `cnxc/runtime`; its text stands in src/host. */
const imports = files.flatMap(importsOf).filter(({ to }) => !to.startsWith("cnxc/"));
const isOurs = ({ to }: Import): boolean => files.includes(to);
/** The folder of a file, or the file itself where it lies at the top. */
const part = (file: string): string => file.split("/")[0] ?? file;

/** Each part may import itself and what stands to its left. */
const order = ["diagnostics", "json", "embedded", "syntax", "model", "graph", "passes", "plan", "emit"];
const left = (of: string): readonly string[] => order.slice(0, order.indexOf(of) + 1);
const allowed: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(order.map(name => [name, left(name)])),
  emit: [...left("emit"), "preprocess", "training", "weights"],
  runtime: [],
  html: ["diagnostics"],
  preprocess: [...left("model")],
  training: [...left("model"), "html"],
  reconstruct: [...left("graph"), "html", "preprocess"],
  weights: [...left("graph")],
  artifact: [...left("emit"), "weights"],
  import: [...left("model"), "preprocess", "weights"],
  host: [...left("emit"), "preprocess", "runtime", "training", "weights"],
  "compile.ts": left("emit"),
  "explain.ts": left("emit"),
  explore: [...left("emit"), "html", "compile.ts"],
  inspect: [...left("emit"), "html", "compile.ts", "explain.ts"],
  verify: [...left("emit"), "html", "runtime", "weights", "compile.ts"],
  "index.ts": [...left("emit"), "host", "runtime", "weights", "explore", "verify", "compile.ts", "explain.ts"],
  node: [
    ...left("emit"),
    "artifact",
    "host",
    "html",
    "import",
    "inspect",
    "preprocess",
    "reconstruct",
    "runtime",
    "training",
    "weights",
    "explore",
    "verify",
    "compile.ts",
    "explain.ts",
    "index.ts",
  ],
};

/** What the order forbids and is right all the same. */
const exceptions: Readonly<Record<string, string>> = {
  "emit/wgsl/descriptor.ts → runtime/descriptor.ts": "a type: the contract between what is emitted and what runs it",
  "emit/wgsl/trainer.ts → runtime/descriptor.ts": "the same of what learns",
  "runtime/onnx/fit-pictures.ts → preprocess/fit.ts":
    "what the commands do, where there is no GPU; the build bundles it",
  "runtime/onnx/fit-pictures.ts → preprocess/picture.ts": "the same",
};

test("imports run one way", () => {
  const wrong = imports
    .filter(isOurs)
    .filter(({ from, to }) => part(from) !== part(to) && !(allowed[part(from)] ?? []).includes(part(to)))
    .map(({ from, to }) => `${from} → ${to}`);
  expect([...new Set(wrong)]).toEqual(Object.keys(exceptions));
});

/** Rooms of the larger parts, each of which may import itself, what stands to its left, and the part's files at the top. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  node: ["process", "files", "outcome", "output", "gpu", "inputs", "executors", "jobs", "cli"],
  weights: ["names", "formats", "use", "made"],
};

test.each(Object.entries(rooms))("inside %s too imports run one way, from room to room", (name, order) => {
  const inside = files.filter(file => part(file) === name);
  const room = (file: string): string => file.split("/").slice(1, -1)[0] ?? "";
  const top = inside.filter(file => room(file) === "");
  expect(top.length, `${top.join(", ")} at the top`).toBeLessThanOrEqual(3);
  expect([...new Set(inside.map(room))].filter(found => found !== "").sort()).toEqual([...order].sort());
  // The program itself stands above all rooms, what a part is about below them.
  const rank = (file: string): number =>
    room(file) === "" ? (file === "node/cli.ts" ? order.length : -1) : order.indexOf(room(file));
  const upwards = imports
    .filter(i => isOurs(i) && part(i.from) === name && part(i.to) === name && rank(i.to) > rank(i.from))
    .map(({ from, to }) => `${from} → ${to}`);
  expect(upwards).toEqual([]);
});

test("no values go in a circle", () => {
  const reads = new Map(files.map(file => [file, imports.filter(i => i.from === file && isOurs(i) && !i.typeOnly)]));
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (done.has(file)) return;
    done.add(file);
    for (const { to } of reads.get(file) ?? []) visit(to, [...path, file]);
  };
  for (const file of files) visit(file, []);
  expect(circles).toEqual([]);
});

test("what runs in a report's page is imported by nothing else, and imports only what needs no more than it does", () => {
  const client = "explore/report/client/";
  const isClient = (file: string) => file.startsWith(client);
  expect(imports.filter(({ from, to }) => isClient(to) && !isClient(from))).toEqual([]);
  const outside = imports.filter(({ from, to, typeOnly }) => isClient(from) && !isClient(to) && !typeOnly);
  expect(
    outside.filter(({ to }) => !/^(explore\/(report\/[\w-]+|figures|predict|quantity)|html\/scale)\.ts$/.test(to)),
  ).toEqual([]);
});

test("every import of ours names a file that exists, with its ending", () => {
  const dangling = imports.filter(({ to }) => /^\.|\.[jt]s$/.test(to) && !to.startsWith("node:"));
  expect(dangling.filter(i => !isOurs(i) && !/^(handlebars|@noble)\//.test(i.to))).toEqual([]);
});

test("scripts and benches load files of dist/ that there are", () => {
  const root = path.resolve(src, "..");
  const programs = ["scripts", "bench"].flatMap(folder =>
    fs
      .readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .filter(file => file.endsWith(".mjs"))
      .map(file => path.join(root, folder, file)),
  );
  const loaded = programs.flatMap(file =>
    [...fs.readFileSync(file, "utf8").matchAll(/(?:compiled\("|dist\/)([\w/-]+)\.js"/g)].map(
      ([, to = ""]) => `${to}.ts`,
    ),
  );
  expect(loaded).toContain("compile.ts");
  expect(loaded.filter(to => !files.includes(to))).toEqual([]);
});

/** Which parts may import a package. Everything else is the language itself, and so runs in a browser as in Node. */
const packages: Readonly<Record<string, readonly string[]>> = {
  "@noble/hashes": ["model", "explore"],
  commander: ["node"],
  handlebars: ["embedded"],
  "ohm-js": ["embedded", "syntax"],
  "onnx-proto": ["emit"],
  picocolors: ["node"],
  "ts-morph": ["host"],
};

test("packages are imported where they belong: Node's own by src/node only, ts-morph by src/host only", () => {
  const packageOf = (name: string) =>
    name
      .split("/")
      .slice(0, name.startsWith("@") ? 2 : 1)
      .join("/");
  const wrong = imports
    .filter(i => !isOurs(i))
    .filter(
      ({ from, to }) => !(to.startsWith("node:") ? ["node"] : (packages[packageOf(to)] ?? [])).includes(part(from)),
    )
    .map(({ from, to }) => `${from} → ${to}`);
  expect(wrong).toEqual([]);
});

/** Files and packages that some files load before any work is asked of them. */
function reachedFrom(...roots: readonly string[]): ReadonlySet<string> {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    const text = fs.readFileSync(path.join(src, file), "utf8");
    const lazy = new Set([...text.matchAll(/(?<!typeof )import\("([^"]+)"\)/g)].map(match => match[1] ?? ""));
    for (const { from, to, typeOnly } of importsOf(file)) {
      const specifier = `./${path.posix.relative(path.posix.dirname(from), to)}`.replace("./..", "..");
      if (!typeOnly && !lazy.has(specifier) && !lazy.has(to)) files.includes(to) ? visit(to) : reached.add(to);
    }
  };
  for (const root of roots) visit(root);
  return reached;
}

test("the compiler and all its targets need neither Node nor ts-morph", () => {
  const reached = [...reachedFrom("compile.ts", "emit/kernel-targets.ts", "emit/onnx/onnx.ts")];
  expect(reached).toContain("emit/wgsl/descriptor.ts");
  expect(reached.filter(name => name === "ts-morph" || name.startsWith("node"))).toEqual([]);
});

test("what is heavy is loaded by the command that needs it", () => {
  const reached = reachedFrom("node/cli.ts");
  for (const heavy of ["ts-morph", "handlebars/runtime.js", "onnx-proto", "ohm-js", "webgpu", "onnxruntime-node"])
    expect([...reached]).not.toContain(heavy);
});

test("the core has no clock, no chance, no locale and no shell", () => {
  const forbidden =
    /\bDate\b|Math\.random|\.toLocale\w*\(|localeCompare|\bhostname\b|\beval\(|new Function\b|shell:\s*true|\{\{\{/;
  // Whose a lock or a temporary file is, and how old: nothing of it is in what is written.
  const whose = ["node/process/owner.ts", "node/files/temp-files.ts"];
  const compilePath = files.filter(
    file => (part(file) !== "embedded" || file === "embedded/render-template.ts") && !whose.includes(file),
  );
  const hits = compilePath.flatMap(file =>
    fs
      .readFileSync(path.join(src, file), "utf8")
      .split("\n")
      .flatMap((line, i) => (forbidden.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
  );
  expect(hits).toEqual([]);
  expect(fs.readFileSync(path.join(src, "embedded/templates.ts"), "utf8")).not.toMatch(/\beval\(|new Function\b/);
});

/** Where text is parsed that no stranger wrote, or where nothing of ours can be imported. */
const parsesItsOwn: Readonly<Record<string, string>> = {
  "explore/report/client/main.ts": "the data of the page that the script stands in",
  "runtime/weights/fetch-weights.ts": "runs in a browser and imports nothing; what it refuses is an error of its own",
};

test("JSON out of files is read by src/json alone, which knows limits", () => {
  const hits = files.filter(
    file =>
      part(file) !== "embedded" && /\bJSON\s*\.\s*parse\b/.test(code(fs.readFileSync(path.join(src, file), "utf8"))),
  );
  expect(hits).toEqual(Object.keys(parsesItsOwn));
});

/** Less its comments. */
const code = (text: string): string => text.replaceAll(/\/\*.*?\*\/|\/\/[^\n]*/gs, "");

test("N08: no template escapes or evaluates", () => {
  const templates = path.resolve(src, "../templates");
  for (const file of fs.readdirSync(templates, { recursive: true, encoding: "utf8" }))
    if (file.endsWith(".hbs")) expect(fs.readFileSync(path.join(templates, file), "utf8"), file).not.toContain("{{{");
});

test("N09: a directory is sorted before its order can matter", () => {
  const unsorted = files.flatMap(file => {
    const text = fs.readFileSync(path.join(src, file), "utf8");
    return /readdir(Sync)?\(/.test(text) && !/\.sort\(/.test(text) ? [file] : [];
  });
  expect(unsorted).toEqual([]);
});
