import type { SpecCase } from "./spec.ts";

/** Specs too large to lie in the repository, and what is no file at all. */

const micro = "model a {\n  depths [1, 1, 2, 1]\n  dims   [8, 16, 24, 40]\n}\n";
const limit = 256 * 1024;

const encode = (files: Readonly<Record<string, string>>): ReadonlyMap<string, Uint8Array> =>
  new Map(Object.entries(files).map(([name, text]) => [name, new TextEncoder().encode(text)]));

const one =
  (text: () => string): SpecCase["files"] =>
  () =>
    encode({ "main.cnx": text() });

const times = (count: number, text: (i: number) => string): string => Array.from({ length: count }, (_, i) => text(i)).join("");

const equalAxes = (count: number) => one(() => `${micro}sweep s extends a {\n${"  mlp_ratio in [4]\n".repeat(count)}}\n`);

/** A valid spec of this size, mostly comments, as a person's largest would be. */
const padded = (size: number): string => `${micro}${"// a comment of thirty-one bytes.\n".repeat(9000)}`.slice(0, size - 1).concat("\n");

const chain = (length: number): Record<string, string> => ({
  "main.cnx": `import "f1.cnx"\n${micro}`,
  ...Object.fromEntries(
    Array.from({ length }, (_, i) => [`f${i + 1}.cnx`, i + 1 < length ? `import "f${i + 2}.cnx"\n` : micro.replace("a", "b")]),
  ),
});

const star = (count: number): Record<string, string> => ({
  "main.cnx": `${times(count - 1, i => `import "f${i}.cnx"\n`)}${micro}`,
  ...Object.fromEntries(Array.from({ length: count - 1 }, (_, i) => [`f${i}.cnx`, micro.replace("model a", `model b${i}`)])),
});

/** Two files on each of six floors, each of which imports both of the floor below: 2^6 ways to the ground. */
const diamonds: Record<string, string> = {
  "main.cnx": 'import "l0.cnx"\nimport "r0.cnx"\nmodel b extends a {}\n',
  "ground.cnx": micro,
  ...Object.fromEntries(
    Array.from({ length: 6 }, (_, i) => {
      const text = i === 5 ? 'import "ground.cnx"\n' : `import "l${i + 1}.cnx"\nimport "r${i + 1}.cnx"\n`;
      return [
        [`l${i}.cnx`, text],
        [`r${i}.cnx`, text],
      ];
    }).flat(),
  ),
};

const main = "main.cnx";

export const generatedSpecs: readonly SpecCase[] = [
  { id: "S16", title: "256-kib-of-comments", main, files: one(() => padded(limit)), expected: "ok" },
  { id: "S16", title: "256-kib-of-blanks", main, files: one(() => micro.padEnd(limit)), expected: "ok" },
  { id: "S16", title: "256-kib-in-one-comment", main, files: one(() => `${micro}//`.padEnd(limit, "x")), expected: "ok" },
  {
    id: "S16",
    title: "256-kib-of-models",
    main,
    files: one(() => (micro + times(1000, i => `model a${i} extends a {${" ".repeat(200)}input 64x64x3${" ".repeat(10)}}\n`)).padEnd(limit)),
    expected: "ok",
  },
  { id: "S17", title: "256-kib-and-1", main, files: one(() => padded(limit + 1)), expected: "E_SPEC_TOO_LARGE" },
  { id: "S17", title: "4-mib", main, files: one(() => padded(limit).repeat(16)), expected: "E_SPEC_TOO_LARGE" },
  { id: "S18", title: "1-gib-of-nothing", main, files: () => new Map(), sparse: { "main.cnx": 2 ** 30 }, expected: "E_SPEC_TOO_LARGE" },
  { id: "S22", title: "20000-parentheses", main, files: one(() => "(".repeat(20_000)), expected: "E_SPEC_TOO_DEEP" },
  { id: "S22", title: "20000-braces", main, files: one(() => `model a ${"{".repeat(20_000)}`), expected: "E_SPEC_TOO_DEEP" },
  { id: "S22", title: "20000-groups", main, files: one(() => `model a ${"{ x ".repeat(20_000)}`), expected: "E_SPEC_TOO_DEEP" },
  { id: "S24", title: "line-of-200-kib", main, files: one(() => micro.replaceAll("\n", " ".repeat(50_000))), expected: "ok" },
  {
    id: "S24",
    title: "error-in-a-line-of-200-kib",
    main,
    files: one(() => micro.replaceAll("\n", " ".repeat(50_000)).replace("[8,", "[0,")),
    expected: "E_SPEC_RANGE",
    says: "…",
  },
  {
    id: "S25",
    title: "10000-errors",
    main,
    files: one(() => `model a {\n${times(10_000, i => `  x${i} 1\n`)}}\n`),
    expected: "E_SPEC_UNDEF",
    says: "and 9980 more",
  },
  { id: "S45", title: "imports-8-deep", main, files: () => encode(chain(8)), expected: "ok" },
  { id: "S45", title: "imports-9-deep", main, files: () => encode(chain(9)), expected: "E_SPEC_LIMIT" },
  { id: "S45", title: "64-files", main, files: () => encode(star(64)), expected: "ok" },
  { id: "S45", title: "65-files", main, files: () => encode(star(65)), expected: "E_SPEC_LIMIT" },
  { id: "S46", title: "64-ways-to-one-file", main, files: () => encode(diamonds), expected: "ok" },
  {
    id: "S48",
    title: "link-out-of-the-root",
    main: "root/main.cnx",
    files: () => encode({ "root/main.cnx": `import "b.cnx"\n${micro}`, "outside/b.cnx": micro.replace("a", "b") }),
    links: { "root/b.cnx": "../outside/b.cnx" },
    expected: "E_SPEC_INCLUDE",
  },
  {
    id: "S48",
    title: "folder-linked-out-of-the-root",
    main: "root/main.cnx",
    files: () => encode({ "root/main.cnx": `import "in/b.cnx"\n${micro}`, "outside/b.cnx": micro.replace("a", "b") }),
    links: { "root/in": "../outside" },
    expected: "E_SPEC_INCLUDE",
  },
  {
    id: "S50",
    title: "import-a-fifo",
    main,
    files: one(() => `import "pipe.cnx"\n${micro}`),
    fifos: ["pipe.cnx"],
    expected: "E_SPEC_INCLUDE",
  },
  {
    id: "S50",
    title: "import-a-device",
    main,
    files: one(() => `import "zero.cnx"\n${micro}`),
    links: { "zero.cnx": "/dev/zero" },
    expected: "E_SPEC_INCLUDE",
  },
  {
    id: "S81",
    title: "10000-models",
    main,
    files: one(() => `model a { depths [1]  dims [8] }\n${times(10_000, i => `model m${i} extends a {}\n`)}`),
    expected: "E_SPEC_LIMIT",
  },
  // A string of 1 MiB and a list of a million do not fit a spec at all; these are as large as fits.
  { id: "S82", title: "string-of-200-kib", main, files: one(() => `import "${"a".repeat(200 * 1024)}"\n`), expected: "E_SPEC_LIMIT" },
  { id: "S82", title: "string-of-1-mib", main, files: one(() => `import "${"a".repeat(2 ** 20)}"\n`), expected: "E_SPEC_TOO_LARGE" },
  { id: "S82", title: "list-of-100000", main, files: one(() => `${micro}sweep s extends a { dims[0] in [${"8,".repeat(100_000)}] }\n`), expected: "E_SPEC_LIMIT" },
  { id: "S82", title: "name-of-200-kib", main, files: one(() => micro.replace("a", "a".repeat(200 * 1024))), expected: "E_SPEC_NAME" },
  {
    id: "S82",
    title: "unknown-field-of-200-kib",
    main,
    files: one(() => micro.replace("depths", "a".repeat(200 * 1024))),
    expected: "E_SPEC_UNDEF",
  },
  { id: "S82", title: "number-of-200-kib", main, files: one(() => micro.replace("[8,", `[${"8".repeat(200 * 1024)},`)), expected: "E_SPEC_RANGE" },
  {
    id: "S42",
    title: "circle-of-1000",
    main,
    files: one(() => times(1000, i => `model a${i} extends a${(i + 1) % 1000} {}\n`)),
    expected: "E_SPEC_CYCLE",
  },
  // Four thousand axes are as many as a spec can hold; one of half as many again is refused before it is parsed.
  { id: "S80", title: "4000-equal-axes", main, files: equalAxes(4000), expected: "E_SPEC_DUP", says: "and 3979 more" },
  { id: "S80", title: "6000-equal-axes", main, files: equalAxes(6000), expected: "E_SPEC_LIMIT" },
];
