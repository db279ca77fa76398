import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { plan } from "../../../src/compile.ts";
import { wgslTarget } from "../../../src/emit/wgsl/target.ts";
import { print } from "../../../src/graph/print.ts";
import { read } from "../../../src/graph/read.ts";
import { countParameters } from "../../../src/model/count.ts";
import { type Model, maxBatch } from "../../../src/model/model.ts";
import { runCommandLine } from "../../../src/node/cli/program.ts";
import type { Outcome } from "../../../src/node/outcome/outcome.ts";
import { exitCodeOf, render } from "../../../src/node/outcome/render.ts";
import { allPasses } from "../../../src/passes/all.ts";
import { bytesMoved, scratchBytes, weightBytes } from "../../../src/plan/cost.ts";
import { corpusSpec, safetensorsCorpus } from "../../corpus/safetensors.ts";
import { fill, newFolder, snapshot } from "../../support/folders.ts";
import { openFiles } from "../../support/open-files.ts";
import { metadataOf } from "../../support/tensors.ts";
import { checkFiles, filesOf, must } from "../../syntax/support.ts";

const tiny = "model tiny {\n  depths [1, 1]\n  dims   [8, 16]\n  input  32x32x3\n}\n";
const passes = allPasses.map(({ name }) => name);

/** With weights that are drawn, compiling stays in this thread, and so runs from source. */
const compile = (spec: string, ...words: readonly string[]): Promise<Outcome> =>
  runCommandLine(["compile", spec, "-w", "random:1", ...words]);

function specFile(text = tiny): string {
  const folder = newFolder();
  fill(folder, { "a.cnx": text });
  return path.join(folder, "a.cnx");
}

const messages = ({ diagnostics }: Outcome): readonly string[] => diagnostics.map(({ message }) => message);

describe("--explain", () => {
  test("says of every pass what it did, on standard error, and changes nothing on standard output", async () => {
    const spec = specFile();
    const plain = await compile(spec, "-t", "wgsl", "--emit", "plan");
    const explained = await compile(spec, "-t", "wgsl", "--emit", "plan", "--explain");
    expect(plain.notes).toEqual([]);
    expect(explained.text).toBe(plain.text);
    const heads = explained.notes.filter(note => !note.startsWith("tiny wgsl   "));
    expect(heads.map(note => note.split(":")[0])).toEqual(passes.map(name => `tiny wgsl ${name}`));
    expect(explained.notes).toContain("tiny wgsl split-grn: 6 new values, such as stages.0.0.grn.squares");
    expect(explained.notes).toContain("tiny wgsl   pool: pool + norm (0.00 MB)");
    expect(render(explained, false)).toEqual({
      stdout: plain.text,
      stderr: explained.notes.map(note => `${note}\n`).join(""),
    });
  });
});

describe("an ONNX graph without weights", () => {
  test("is told as such, for no runtime loads it", async () => {
    const out = path.join(newFolder(), "out");
    const words = [specFile(), "-m", "tiny", "-t", "onnx", "-o", out];
    const without = await runCommandLine(["compile", ...words]);
    expect(without.text).toMatch(/^tiny onnx: \d+ values, without weights; --weights puts them in\n/);
    expect((await compile(specFile(), "-t", "onnx", "-o", `${out}-2`)).text).toMatch(/^tiny onnx: \d+ values\n/);
  });
});

describe("the IR version of an ONNX graph", () => {
  /** The first field of a model is its IR version. */
  const version = (out: string): number => fs.readFileSync(path.join(out, "tiny/onnx/model.onnx"))[1] as number;

  test.each([
    [[], 9],
    [["--opset", "17"], 8],
    [["--layout", "huggingface"], 8],
    [["--layout", "huggingface", "--opset", "20"], 9],
  ])("with %j is %d: what reads a folder for transformers.js may be ONNX Runtime 1.14", async (words, expected) => {
    const out = path.join(newFolder(), "out");
    await compile(specFile(), "-t", "onnx", "-o", out, ...words);
    expect(version(out)).toBe(expected);
  });
});

test("the weights beside WGSL kernels say that they are PyTorch's, which transformers asks of a file", async () => {
  const out = path.join(newFolder(), "out");
  await compile(specFile(), "-t", "wgsl", "-o", out);
  expect(await metadataOf(path.join(out, "tiny/weights.safetensors"))).toEqual({ format: "pt" });
});

describe("--time", () => {
  test("says how long building, every pass and scheduling took, for each target, on standard error", async () => {
    const { notes, text } = await compile(specFile(), "-t", "wgsl,onnx", "--emit", "files", "--time");
    const phases = notes.map(note => /^(tiny \w+ \S+): \d+\.\d ms$/.exec(note)?.[1] ?? note);
    // ONNX has convolutions, whole.
    const rewriting = passes.filter(name => !name.startsWith("fuse") && name !== "split-conv");
    expect(phases).toEqual([
      ...["build", ...passes, "schedule"].map(phase => `tiny wgsl ${phase}`),
      ...["build", ...rewriting].map(phase => `tiny onnx ${phase}`),
    ]);
    expect(text).not.toContain(" ms");
  });
});

describe("--print-after", () => {
  const printed = ({ notes }: Outcome) =>
    notes.map(note => {
      const [, name = note, graph = ""] = /^after (\S+):\n([\s\S]*)$/.exec(note) ?? [];
      return { name, graph };
    });

  test("prints the graph as it is after that pass, on standard error", async () => {
    const outcome = await compile(specFile(), "-t", "onnx", "--emit", "files", "--print-after", "split-grn");
    const [{ name, graph } = { name: "", graph: "" }, ...others] = printed(outcome);
    expect([name, others]).toEqual(["split-grn", []]);
    expect(print(read(graph))).toBe(graph);
    expect(graph).toContain("grnScale(");
    expect(graph, "which the next pass takes away").toContain("shiftChannels(");
    expect(outcome.text).toBe("tiny/onnx/model.onnx\n");
  });

  test("all prints it after each", async () => {
    const found = printed(await compile(specFile(), "-t", "wgsl", "--emit", "graph", "--print-after", "all"));
    expect(found.map(({ name }) => name)).toEqual(passes);
    for (const { graph } of found) expect(print(read(graph))).toBe(graph);
  });
});

describe("--root", () => {
  const importing = (): string => {
    const folder = newFolder();
    const text = 'import "../a.cnx"\nmodel deep extends tiny { depths [1, 2] }\n';
    fill(folder, { "a.cnx": tiny, "sub/b.cnx": text, "sub/sub/c.cnx": "" });
    return folder;
  };
  const emitted = (folder: string, ...words: readonly string[]) =>
    compile(path.join(folder, "sub/b.cnx"), "-t", "onnx", "--emit", "files", ...words);

  test("lets imports out of the spec's folder, as far as it reaches", async () => {
    const folder = importing();
    const within = await emitted(folder, "--root", folder);
    expect([exitCodeOf(within), within.text]).toEqual([0, "deep/onnx/model.onnx\n"]);
    const leaves = "the import '../a.cnx' leaves the folder of the spec";
    for (const words of [[], ["--root", path.join(folder, "sub")], ["--root", path.join(folder, "sub/sub")]]) {
      const outside = await emitted(folder, ...words);
      expect([exitCodeOf(outside), messages(outside), outside.text]).toEqual([3, [leaves], ""]);
    }
  });
});

describe("--out-follow", () => {
  const linked = () => {
    const [folder, away] = [newFolder(), newFolder()];
    fs.symlinkSync(away, path.join(folder, "out"));
    return { out: path.join(folder, "out"), away };
  };

  test("writes through a link that leaves the project, which without it is left alone", async () => {
    const { out, away } = linked();
    const words = ["-t", "onnx", "-o", out];
    const refused = await compile(specFile(), ...words);
    expect(exitCodeOf(refused)).toBe(6);
    expect(messages(refused)).toEqual([
      `the output directory is a link that leaves the project, to '${away}'; name that directory itself, or pass --out-follow`,
    ]);
    expect(snapshot(away)).toEqual({});
    const followed = await compile(specFile(), ...words, "--out-follow");
    expect(exitCodeOf(followed)).toBe(0);
    expect(followed.outputs).toEqual([{ path: "tiny/onnx/model.onnx", status: "written" }]);
    expect(Object.keys(snapshot(away) ?? {})).toEqual(["cnxc.manifest.json", "tiny/onnx/model.onnx"]);
    expect(fs.lstatSync(out).isSymbolicLink()).toBe(true);
  });
});

test.each([
  ["--explain=yes", "unknown option '--explain=yes'"],
  ["--time=2", "unknown option '--time=2', did you mean '--time'?"],
  ["--out-follow=x", "unknown option '--out-follow=x', did you mean '--out-follow'?"],
  ["--print-after", "option '--print-after <pass>' argument missing"],
  ["--root", "option '--root <folder>' argument missing"],
])("%s is a usage error", async (word, message) => {
  const outcome = await compile("a.cnx", word);
  expect([exitCodeOf(outcome), messages(outcome)]).toEqual([2, [message]]);
});

test("--print-after names a pass, or all of them", async () => {
  const outcome = await compile(specFile(), "-t", "wgsl", "--emit", "plan", "--print-after", "split-gnr");
  const expected = `--print-after is 'split-gnr', expected all, ${passes.join(", ")}`;
  expect([exitCodeOf(outcome), messages(outcome), outcome.text]).toEqual([2, [expected], ""]);
});

test("the last lines sum up each target: dispatches, weights, scratch and what moves", async () => {
  const text = "model wide {\n  depths [1, 1]\n  dims   [64, 512]\n  input  128x128x3\n}\n";
  const spec = specFile(text);
  const out = path.join(path.dirname(spec), "out");
  const { text: said } = await compile(spec, "-t", "wgsl,onnx", "-o", out);
  const model = must(checkFiles(filesOf({ "input.cnx": text }))).models.get("wide") as Model;
  const { plan: made } = must(plan({ model, target: wgslTarget("gpu", false), batch: { min: 1, max: 1 } }));
  const figures = [weightBytes(made), scratchBytes(made), bytesMoved(made)].map(bytes => (bytes / 1e6).toFixed(1));
  expect(new Set(figures).size, "or one could stand for another").toBe(3);
  const [weights, scratch, moved] = figures;
  expect(weightBytes(made) / (4 * countParameters(model)), "padding apart").toBeCloseTo(1, 1);
  expect(said.split("\n")).toEqual([
    `wide wgsl: ${made.steps.length} dispatches, ${weights} MB of weights, ${scratch} MB of scratch and ${moved} MB moved an image`,
    expect.stringMatching(/^wide onnx: \d+ values$/),
    expect.stringMatching(/^\S+out: \d+ files written, 0 unchanged, 0 removed$/),
    "",
  ]);
});

describe.runIf(openFiles() !== null)("a file of weights", () => {
  const row = (id: string) => safetensorsCorpus.find(row => row.id === id)?.bytes() ?? new Uint8Array();

  test.each([
    ["is closed when all is written", row("F05-nan"), ["-o"], 0],
    ["is closed when its values are refused", row("F05-nan"), ["--strict", "-o"], 4],
    ["is closed where it is none", new TextEncoder().encode("no weights"), ["-o"], 4],
  ])("%s", async (_, bytes, words, code) => {
    const spec = specFile(corpusSpec);
    const weights = path.join(path.dirname(spec), "w.safetensors");
    fs.writeFileSync(weights, bytes);
    const said = await runCommandLine(["compile", spec, "-w", weights, ...words, path.join(path.dirname(spec), "out")]);
    expect(exitCodeOf(said), messages(said).join("\n")).toBe(code);
    expect(openFiles()).not.toContain(weights);
  });
});

describe("S84: a batch is as large on the command line as it may be in a spec", () => {
  const emit = ["-t", "onnx", "--emit", "files"];
  const commands: Readonly<Record<string, readonly string[]>> = {
    compile: emit,
    info: ["-t", "cuda"],
    inspect: ["-t", "cuda"],
    explore: [],
    tune: ["-o", "table.json"],
  };
  const run = (command: string, spec: string, batch: string | number) =>
    runCommandLine([command, spec, ...(commands[command] ?? []), "--batch", `${batch}`]);

  test.each(Object.keys(commands))("%s takes no larger one", async command => {
    for (const batch of [maxBatch + 1, 0, "1e3", "", " 8"]) {
      const { diagnostics } = await run(command, specFile(), batch);
      expect(diagnostics.map(({ code }) => code)).toEqual(["usage"]);
      expect(diagnostics[0]?.message).toContain(`from 1 to ${maxBatch}`);
    }
  });

  test.each([`1..${maxBatch + 1}`, `${maxBatch + 1}..${maxBatch + 2}`, "8..1", "1..2..3", "8..", "..8"])(
    "nor a range such as %s",
    async batch => {
      expect((await run("compile", specFile(), batch)).diagnostics.map(({ code }) => code)).toEqual(["usage"]);
    },
  );

  test("the largest is taken in both", async () => {
    for (const batch of [`${maxBatch}`, `1..${maxBatch}`]) {
      expect(messages(await compile(specFile(), ...emit, "--batch", batch))).toEqual([]);
      const built = specFile(`${tiny}build all { target onnx batch ${batch} }\n`);
      expect(messages(await compile(built, "-b", "all", "--emit", "files"))).toEqual([]);
    }
    const over = specFile(`${tiny}build all { target onnx batch ${maxBatch + 1} }\n`);
    expect((await compile(over, "-b", "all")).diagnostics.map(({ code }) => code)).toEqual(["out-of-range"]);
  });
});
