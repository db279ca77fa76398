import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { exitCodes, type Kind } from "../../../src/diagnostics/exit-codes.ts";
import { hostileArchives, pickleCorpus } from "../../corpus/pickle.ts";
import { corpusSpec, type Outcome, safetensorsCorpus } from "../../corpus/safetensors.ts";
import { entry, file } from "../../corpus/safetensors-build.ts";
import { type SpecCase, specCorpus } from "../../corpus/spec.ts";
import { cnxc } from "../../support/cli.ts";
import { fill, newFolder, snapshot } from "../../support/folders.ts";
import { full } from "../../support/full.ts";

// The corpora again, through the command line: what a user sees of them.

const root = fs.realpathSync(fs.mkdtempSync(path.join(tmpdir(), "cnxc-cli-corpus-")));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const kindsOf = (stderr: string) => [...new Set([...stderr.matchAll(/^error\[(\w+)\//gm)].map(match => match[1]))];
const stackTrace = /\n\s+at |node:internal|Error:|Uncaught/;

/** All rows in full mode, else `wanted` of them at even steps, the last of them too. */
function representative<T>(rows: readonly T[], wanted: number): readonly T[] {
  if (full || rows.length <= wanted) return rows;
  return Array.from({ length: wanted }, (_, i) => rows[Math.floor((i * (rows.length - 1)) / (wanted - 1))] as T);
}

/** Paths, kinds and sizes: holes of a gigabyte are not to be read. */
const listing = (folder: string) =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .map(item => {
      const at = path.join(item.parentPath, item.name);
      const { size, mtimeMs } = fs.lstatSync(at);
      return item.isDirectory() ? at : `${at} ${size} ${mtimeMs}`;
    })
    .sort();

/** Puts a case on disk, in a folder of its own. */
function layOut({ id, title, files, links = {}, fifos = [], sparse = {} }: SpecCase): string {
  const folder = path.join(root, `${id}-${title}`);
  const at = (name: string): string => {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    return path.join(folder, name);
  };
  for (const [name, bytes] of files()) fs.writeFileSync(at(name), bytes);
  for (const [name, target] of Object.entries(links)) fs.symlinkSync(target, at(name));
  for (const name of fifos) execFileSync("mkfifo", [at(name)]);
  for (const [name, size] of Object.entries(sparse)) {
    fs.writeFileSync(at(name), "");
    fs.truncateSync(at(name), size);
  }
  return folder;
}

describe("check FILE", () => {
  test.for(representative(specCorpus, 32).map(row => ({ ...row, name: `${row.id} ${row.title}` })))(
    "$name",
    async row => {
      const folder = layOut(row);
      const before = listing(folder);
      const { code, stdout, stderr } = await cnxc(["check", row.main], { cwd: folder });
      expect(stderr).not.toMatch(stackTrace);
      expect(listing(folder)).toEqual(before);
      if (row.expected === "ok") expect([code, stderr]).toEqual([0, ""]);
      else {
        expect([code, kindsOf(stderr), stdout]).toEqual([exitCodes[row.expected], [row.expected], ""]);
        expect(stderr).toContain((row.says ?? "").replaceAll(`${folder}/`, ""));
      }
    },
  );
});

const image = file(`{${entry("pixel_values", "F32", [1, 1, 4, 4], 0, 64)}}`, new Uint8Array(64));

describe("run FILE --on reference --weights FILE", () => {
  test.for(representative(safetensorsCorpus, 28))(
    "$id: $title",
    async ({ id, bytes, read: asSafetensors, opened: read = asSafetensors, bound = read, values = bound }) => {
      const folder = path.join(root, id);
      fs.mkdirSync(folder);
      fs.writeFileSync(path.join(folder, "a.cnx"), corpusSpec);
      fs.writeFileSync(path.join(folder, "in.safetensors"), image);
      fs.writeFileSync(path.join(folder, "w.safetensors"), bytes());
      const before = listing(folder);
      const words = ["run", "a.cnx", "--on", "reference", "--weights", "w.safetensors"];
      const result = await cnxc([...words, "--input", "in.safetensors", "--out", "out.safetensors"], { cwd: folder });
      const { code, stderr } = result;
      expect(stderr).not.toMatch(stackTrace);
      // The first thing that goes wrong ends the command; before that, everything is a warning.
      const wrong = [read, bound, values].find(outcome => outcome !== null && !outcome.kind.startsWith("W_"));
      const added = listing(folder).filter(line => !before.includes(line));
      if (wrong) {
        expect([code, kindsOf(stderr)]).toEqual([exitCodes[wrong.kind], [wrong.kind]]);
        expect(stderr).toContain(`error[${wrong.kind}/${wrong.code}]`);
        expect(added).toEqual([]);
      } else {
        expect([code, kindsOf(stderr)]).toEqual([0, []]);
        expect(added).toHaveLength(1);
        const told = (outcome: Outcome) => outcome === null || stderr.includes(`/${outcome.code}]`);
        expect([told(read), told(bound), told(values)]).toEqual([true, true, true]);
      }
    },
  );
});

describe("weights convert FILE --to timm, weights inspect FILE", () => {
  test.for(representative(safetensorsCorpus, 14))(
    "$id: $title",
    async ({ id, bytes, read: asSafetensors, opened: read = asSafetensors }) => {
      const folder = path.join(root, `convert-${id}`);
      fs.mkdirSync(folder);
      fs.writeFileSync(path.join(folder, "w.safetensors"), bytes());
      const before = listing(folder);
      const converted = await cnxc(["weights", "convert", "w.safetensors", "--to", "timm", "-o", "out.safetensors"], {
        cwd: folder,
      });
      const inspected = await cnxc(["weights", "inspect", "w.safetensors"], { cwd: folder });
      const added = listing(folder).filter(line => !before.includes(line));
      expect(converted.stderr + inspected.stderr).not.toMatch(stackTrace);
      expect(added).toHaveLength(converted.code === 0 ? 1 : 0);
      if (read === null || read.kind.startsWith("W_")) {
        expect([0, 4]).toContain(converted.code);
        return;
      }
      for (const { code, stderr, stdout } of [converted, inspected])
        expect([code, kindsOf(stderr), stdout]).toEqual([exitCodes[read.kind], [read.kind], ""]);
    },
  );
});

describe("run FILE --on reference --weights FILE, of torch.save and numpy.savez", () => {
  // Those that would take memory or time without end are always among them; how much: corpus.targets.test.ts.
  const others = pickleCorpus.filter(row => !hostileArchives.includes(row));
  test.for([...hostileArchives, ...representative(others, 40)])(
    "$id: $title",
    async ({ id, bytes, read, bound = read, says = "" }) => {
      const folder = path.join(root, `archive-${id}`);
      fs.mkdirSync(folder);
      fs.writeFileSync(path.join(folder, "a.cnx"), corpusSpec);
      fs.writeFileSync(path.join(folder, "in.safetensors"), image);
      // The name says nothing.
      fs.writeFileSync(path.join(folder, "w.safetensors"), bytes());
      const before = listing(folder);
      const words = ["run", "a.cnx", "--on", "reference", "--weights", "w.safetensors", "--input", "in.safetensors"];
      const { code, stderr } = await cnxc([...words, "--out", "out.safetensors"], { cwd: folder });
      expect(stderr).not.toMatch(stackTrace);
      const wrong = [read, bound].find(outcome => outcome !== null && !outcome.kind.startsWith("W_"));
      const added = listing(folder).filter(line => !before.includes(line));
      if (wrong) {
        expect([code, kindsOf(stderr)]).toEqual([exitCodes[wrong.kind], [wrong.kind]]);
        expect(stderr).toContain(`error[${wrong.kind}/${wrong.code}]`);
        expect(stderr).toContain(says);
        expect(added).toEqual([]);
      } else {
        expect([code, kindsOf(stderr)]).toEqual([0, []]);
        expect(added).toHaveLength(1);
      }
    },
  );
});

test("P54: a file of torch.save through a link, and a pipe for one", async () => {
  const folder = newFolder();
  const bytes = pickleCorpus.find(({ id }) => id === "P01-ordered")?.bytes() ?? "";
  fs.writeFileSync(path.join(folder, "w.pt"), bytes);
  fs.symlinkSync("w.pt", path.join(folder, "link.pt"));
  execFileSync("mkfifo", [path.join(folder, "pipe.pt")]);
  const inspect = (file: string) => cnxc(["weights", "inspect", file], { cwd: folder });
  expect([(await inspect("link.pt")).code, (await inspect("link.pt")).stderr]).toEqual([0, ""]);
  const { code, stderr } = await inspect("pipe.pt");
  expect([code, kindsOf(stderr)]).toEqual([exitCodes.E_IO_NOTFILE, ["E_IO_NOTFILE"]]);
});

test("P12: a checksum that is wrong leaves nothing behind", async () => {
  const folder = newFolder();
  const bytes =
    pickleCorpus
      .find(({ id }) => id === "P01-ordered")
      ?.bytes()
      .slice() ?? new Uint8Array();
  const at = bytes.findLastIndex((byte, k) => byte === 0x3f && bytes[k - 4] === 0x3f);
  bytes[at] = 0x3e;
  fs.writeFileSync(path.join(folder, "w.pt"), bytes);
  fill(folder, { "a.cnx": corpusSpec });
  const before = listing(folder);
  const words = [
    ["weights", "convert", "w.pt", "--to", "timm", "-o", "out"],
    ["compile", "a.cnx", "-w", "w.pt", "-t", "wgsl,onnx", "-o", "o"],
  ];
  for (const line of words) {
    const { code, stderr } = await cnxc(line, { cwd: folder });
    expect([code, kindsOf(stderr)]).toEqual([4, ["E_W_ZIP"]]);
    expect(stderr).not.toMatch(stackTrace);
    expect(listing(folder)).toEqual(before);
  }
});

describe("compile", () => {
  const spec = "model tiny {\n  depths [1, 1]\n  dims   [8, 16]\n  input  32x32x3\n}\n";
  const two = `${spec}\n${spec.replace("tiny", "small")}\nbuild both {\n  models [tiny, small]\n}\n`;
  const project = (files: Readonly<Record<string, string>> = {}) => {
    const folder = newFolder();
    fill(folder, { "a.cnx": spec, ...files });
    return folder;
  };
  /** Fails so, says this, and leaves everything as it was. */
  async function refuses(
    folder: string,
    words: readonly string[],
    kind: Kind,
    ...says: readonly string[]
  ): Promise<void> {
    const before = snapshot(folder);
    const { code, stdout, stderr } = await cnxc(words, { cwd: folder });
    expect([code, kindsOf(stderr), stdout], stderr).toEqual([exitCodes[kind], [kind], ""]);
    expect(stderr).not.toMatch(stackTrace);
    for (const part of says) expect(stderr).toContain(part);
    expect(snapshot(folder)).toEqual(before);
  }

  test("C16: a folder of somebody else's files", () =>
    refuses(project({ "out/mine.txt": "x" }), ["compile", "a.cnx", "-o", "out"], "E_IO_UNSAFE"));

  test("C17: the output is a file", () =>
    refuses(project({ out: "x" }), ["compile", "a.cnx", "-o", "out"], "E_IO_NOTFILE"));

  test("C18: the output would hold the spec or the weights", async () => {
    await refuses(project({ "out/b.cnx": spec }), ["compile", "out/b.cnx", "-o", "out"], "E_IO_UNSAFE");
    await refuses(project(), ["compile", "a.cnx", "-o", "."], "E_IO_UNSAFE");
    const folder = project();
    fs.mkdirSync(path.join(folder, "out"));
    const weights = safetensorsCorpus.find(row => row.read === null && row.bound === undefined)?.bytes();
    fs.writeFileSync(path.join(folder, "out/w.safetensors"), weights ?? "");
    fill(folder, { "a.cnx": corpusSpec });
    await refuses(folder, ["compile", "a.cnx", "-w", "out/w.safetensors", "-o", "out"], "E_IO_UNSAFE");
  });

  test("C22: weights for no one model, or given twice", async () => {
    const folder = project({ "two.cnx": two });
    await refuses(
      folder,
      ["compile", "two.cnx", "-w", "random:1", "-o", "out"],
      "E_USAGE",
      "several would be compiled",
    );
    await refuses(folder, ["compile", "a.cnx", "-w", "random:1", "-w", "random:2"], "E_USAGE", "twice");
    await refuses(folder, ["compile", "a.cnx", "-w"], "E_USAGE");
  });

  test("D32: compiling again touches no file", async () => {
    const folder = project();
    const run = () => cnxc(["compile", "a.cnx", "-o", "out"], { cwd: folder });
    expect((await run()).code).toBe(0);
    const before = listing(folder);
    expect(before.length).toBeGreaterThan(5);
    const again = await run();
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining("0 files written")]);
    expect(listing(folder)).toEqual(before);
  });

  test("S89: an activation over the limit of a binding", async () => {
    const published = path.resolve(import.meta.dirname, "../../../specs/convnextv2.cnx");
    const words = ["compile", published, "-m", "base", "--batch", "32", "-t", "wgsl", "-o", "out"];
    await refuses(
      project(),
      words,
      "E_T_LIMIT",
      "maxStorageBufferBindingSize",
      "134217728",
      "stages.0.",
      "a batch of ",
    );
    await refuses(
      project(),
      words.filter(word => !["-t", "wgsl"].includes(word)),
      "E_T_LIMIT",
    );
  });

  test("names nobody knows, with the nearest", async () => {
    const folder = project({ "two.cnx": two });
    const unknown = (words: readonly string[], ...says: readonly string[]) =>
      refuses(folder, ["compile", "two.cnx", "-o", "out", ...words], "E_USAGE", ...says);
    await unknown(["-m", "tinny"], "'tinny'", "did you mean 'tiny'?");
    await unknown(["-m", "qwertz"], "'qwertz'", "tiny, small");
    await unknown(["-b", "bot"], "'bot'", "did you mean 'both'?");
    await unknown(["-t", "wgls"], "wgls", "wgsl, onnx, cuda");
  });

  test("run: a tap nobody knows, an input of the wrong shape", async () => {
    const folder = project({ "b.cnx": corpusSpec });
    const wide = file(`{${entry("pixel_values", "F32", [1, 1, 4, 8], 0, 128)}}`, new Uint8Array(128));
    fs.writeFileSync(path.join(folder, "in.safetensors"), image);
    fs.writeFileSync(path.join(folder, "wide.safetensors"), wide);
    const run = ["run", "b.cnx", "--on", "reference", "-w", "random:1", "--out", "out.safetensors"];
    await refuses(
      folder,
      [...run, "-i", "in.safetensors", "--taps", "stages.1"],
      "E_USAGE",
      "did you mean 'stages.0'?",
    );
    await refuses(folder, [...run, "-i", "wide.safetensors"], "E_R_INPUT", "[1, 1, 4, 8]", "F32 [N, 1, 4, 4]");
    await refuses(folder, [...run, "-i", "gone.safetensors"], "E_IO_NOTFOUND");
  });

  test("F05: a NaN among the weights is one warning, whoever reads them, how often so ever", async () => {
    const folder = project({ "b.cnx": corpusSpec });
    fs.writeFileSync(path.join(folder, "in.safetensors"), image);
    const weights = safetensorsCorpus.find(({ id }) => id === "F05-nan")?.bytes() ?? "";
    fs.writeFileSync(path.join(folder, "w.safetensors"), weights);
    const run = ["run", "b.cnx", "-i", "in.safetensors", "--out", "out.safetensors", "--on"];
    const compile = ["compile", "b.cnx", "-o", "out"];
    for (const words of [compile, [...compile, "--check"], [...run, "reference"], [...run, "onnx"]]) {
      const { code, stderr } = await cnxc([...words, "-w", "w.safetensors"], { cwd: folder });
      const warnings = [...stderr.matchAll(/^warning\[.*\].*$/gm)].map(([line]) => line);
      expect([words, code, warnings]).toEqual([words, 0, [expect.stringMatching(/nonfinite\].*has NaN at index/)]]);
    }
  });

  test("--json: exactly one object", async () => {
    const folder = project();
    const json = async (words: readonly string[]) => {
      const { code, stdout, stderr } = await cnxc([...words, "--json"], { cwd: folder });
      expect(stderr).toBe("");
      expect(stdout).toMatch(/^\{.*\}\n$/);
      return { code, ...JSON.parse(stdout) };
    };
    const good = await json(["compile", "a.cnx", "-o", "out"]);
    expect(good).toMatchObject({ code: 0, ok: true, diagnostics: [] });
    expect(good.outputs.length).toBeGreaterThan(3);
    expect(await json(["compile", "a.cnx", "-o", "a.cnx"])).toMatchObject({ code: 6, ok: false, outputs: [] });
    const unknown = await json(["compile", "a.cnx", "-m", "tyni"]);
    expect(unknown).toMatchObject({ code: 2, ok: false, diagnostics: [{ kind: "E_USAGE" }], outputs: [] });
  });
});
