import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { exitCodes, type Kind } from "../../../src/diagnostics/exit-codes.ts";
import { corpusSpec, safetensorsCorpus } from "../../corpus/safetensors.ts";
import { entry, file } from "../../corpus/safetensors-build.ts";
import { cnxc } from "../../support/cli.ts";
import { newFolder, snapshot } from "../../support/folders.ts";

// Rows of the list of bad inputs whose outcome an option changes, and what the sentences must hold.

const image = file(`{${entry("pixel_values", "F32", [1, 1, 4, 4], 0, 64)}}`, new Uint8Array(64));

interface Row {
  readonly id: string;
  readonly title: string;
  /** The row of the corpus of tensor files whose bytes these are. */
  readonly weights: string;
  readonly options?: readonly string[];
  /** Null where the file is accepted. */
  readonly kind: Kind | null;
  readonly says: readonly string[];
}

const row = (id: string, title: string, weights: string, kind: Kind | null, ...says: readonly string[]): Row => ({
  id,
  title,
  weights,
  kind,
  says,
});

const rows: readonly Row[] = [
  row("W01", "one missing", "W01-one-missing", "E_W_MISSING", "the model's 'head.bias' [2] is not in the file"),
  row("W01", "all missing", "W01-all-missing", "E_W_MISSING", "no tensor has a name known"),
  row("W02", "one extra", "W02-one-extra", "E_W_EXTRA", "the file's 'extra' is no parameter of the model"),
  {
    ...row("W02", "one extra, allowed", "W02-one-extra", null, "warning[W_W/weights-unused]", "'extra'"),
    options: ["--allow-extra"],
  },
  row("W05", "a state of pre-training", "W05-sparse-state", "E_W_MISSING", "the file has no head", "fine-tune it"),
  row("W06", "the names of a wrapper", "W06-module-prefix", "E_W_MISSING", "'module.'", "--strip-prefix module."),
  row("W08", "other classes", "W08-classes", "E_W_SHAPE", "'head.weight' has shape [3, 2]", "--classes 2"),
  row("W09", "another size", "W09-other-size", "E_W_SHAPE", "dims [4]", "dims [2]"),
  row("W12", "a NaN", "F05-nan", null, "warning[W_W/weights-nonfinite]", "'head.bias' has NaN at index 1"),
  {
    ...row("W12", "a NaN, strictly", "F05-nan", "E_W_NONFINITE", "'head.bias' has NaN at index 1"),
    options: ["--strict"],
  },
  row("W13", "all NaN", "W13-all-nan", "E_W_NONFINITE", "'head.bias' is NaN throughout"),
  row("W17", "no data", "W17-no-data", "E_W_SHAPE", "'head.bias' has shape [0] but the model needs [2]"),
  row("W18", "GRN at its start", "W18-grn-zero", null, "warning[W_W/weights-grn-zero]"),
];

const commands: readonly (readonly [string, readonly string[]])[] = [
  ["run", ["run", "a.cnx", "--on", "reference", "-i", "in", "--out", "out"]],
  ["compile", ["compile", "a.cnx", "-t", "onnx", "-o", "out"]],
];

describe.each(commands)("%s", (_, command) => {
  test.each(rows)("$id: $title", async ({ weights, options = [], kind, says }) => {
    const folder = newFolder();
    const bytes = safetensorsCorpus.find(({ id }) => id === weights)?.bytes();
    fs.writeFileSync(path.join(folder, "a.cnx"), corpusSpec);
    fs.writeFileSync(path.join(folder, "in"), image);
    fs.writeFileSync(path.join(folder, "w"), bytes ?? "");
    const before = snapshot(folder);
    const { code, stderr } = await cnxc([...command, "-w", "w", ...options], { cwd: folder });
    const kinds = [...stderr.matchAll(/^error\[(\w+)\//gm)].map(match => match[1]);
    expect([code, [...new Set(kinds)]], stderr).toEqual(kind === null ? [0, []] : [exitCodes[kind], [kind]]);
    for (const part of says) expect(stderr).toContain(part);
    if (kind !== null) expect(snapshot(folder)).toEqual(before);
  });
});
