import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { paramsOf } from "../../../src/node/inputs/open-weights.ts";
import { loadProgram } from "../../../src/node/inputs/program.ts";
import { f32Tensor, writeSafetensors } from "../../../src/weights/formats/safetensors.ts";
import { randomWeights } from "../../../src/weights/made/random.ts";
import { editModel, modelFile } from "../../corpus/artifacts-build.ts";
import { cnxc } from "../../support/cli.ts";
import { hidden, hostile } from "../../support/hostile.ts";
import { bytesOf, STOP } from "../../support/pickle-writer.ts";
import { writePng } from "../../support/png.ts";
import { zip } from "../../support/zip-writer.ts";
import { must } from "../../syntax/support.ts";

const folder = mkdtempSync(path.join(tmpdir(), "cnxc-foreign-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => path.join(folder, name);
const put = (name: string, text: string | Uint8Array): string => {
  writeFileSync(at(name), text);
  return at(name);
};
/** What of it may be a name of a file. */
const fileName = (text: string): string => text.replaceAll("/", "_").slice(0, 100);

const spec = `model m { depths [1, 1] dims [8, 16] input 32x32x3 head classifier { classes 3 } }
sweep s extends m { mlp_ratio in [1, 2] }
`;
let exploration = "";
const device = readFileSync("specs/devices/m3-max.json", "utf8");

beforeAll(async () => {
  put("s.cnx", spec);
  exploration = (await cnxc(["explore", at("s.cnx"), "--json", "--where", "params>=1"])).stdout;
  await cnxc(["compile", "specs/micro.cnx", "-m", "micro", "-t", "onnx", "-w", "random:1", "-o", at("built")]);
  await cnxc(["compile", at("s.cnx"), "-m", "m", "-t", "wgsl", "-o", at("kept")]);
  await weights("plain", [], {});
});

async function weights(name: string, more: readonly string[], metadata: Record<string, string>): Promise<string> {
  const model = must(loadProgram(at("s.cnx"), null, null)).program.models.get("m");
  if (model === undefined) throw new Error("no m");
  const params = must(paramsOf(model));
  const values = randomWeights(1, params);
  const tensors = [
    ...params.map(({ name, shape }) => f32Tensor(name, shape, () => values.f32(name))),
    ...more.map(name => f32Tensor(name, [1], () => new Float32Array(1))),
  ];
  const parts: Uint8Array[] = [];
  for await (const part of writeSafetensors(tensors, metadata)) parts.push(part);
  return put(`${name}.safetensors`, Buffer.concat(parts));
}

/** The exploration with a text in place of another. */
const shard = (from: string, to: string): readonly string[] => {
  if (!exploration.includes(from)) throw new Error(from);
  return ["explore", "--merge", put("part.json", exploration.replace(from, to)), "-o", at("report")];
};
const withDevice = (from: string, to: string): readonly string[] => {
  if (!device.includes(from)) throw new Error(from);
  return ["explore", at("s.cnx"), "--device", put("device.json", device.replace(from, to)), "-o", at("report")];
};
/** As a text in JSON. */
const j = (text: string): string => JSON.stringify(text);

/** Where a stranger's text comes in, and the commands that may tell of it. */
const fields: Readonly<Record<string, (text: string) => Promise<readonly string[]> | readonly string[]>> = {
  "a spec's file name": text => ["check", put(`${fileName(text)}.cnx`, spec)],
  "a spec's file name, compiled": text => [
    "compile",
    put(`${fileName(text)}.cnx`, spec),
    ..."-m m -t wgsl,onnx -o".split(" "),
    at("out"),
  ],
  "a spec's file name that is missing": text => ["check", at(`${fileName(text)}.no.cnx`)],
  "an import": text => ["check", put("imports.cnx", `import ${j(fileName(text))}\nmodel a extends m {}\n`)],
  "words of a spec": text => ["check", put("words.cnx", `model a { ${text} }\n`)],
  "a file in an output folder": text => {
    put(`kept/${fileName(text)}`, "");
    return ["compile", at("s.cnx"), "-m", "m", "-t", "wgsl", "-o", at("kept")];
  },
  "an output folder": text => ["compile", at("s.cnx"), ..."-m m -t onnx -o".split(" "), at(fileName(text))],
  "names of tensors": async text => ["weights", "inspect", await weights("named", [text], {})],
  "names of tensors, compared": async text => [
    "weights",
    "diff",
    await weights("named", [text], {}),
    at("plain.safetensors"),
  ],
  "names of tensors, converted": async text => [
    ..."weights convert --to timm -o".split(" "),
    at("to.safetensors"),
    await weights("named", [text], {}),
  ],
  "names of tensors, bound": async text => [
    ..."compile -m m -t onnx -o".split(" "),
    at("bound"),
    "-w",
    await weights("named", [text], {}),
    at("s.cnx"),
  ],
  "keys of metadata": async text => ["weights", "inspect", await weights("meta", [], { [text]: text })],
  "a licence": async text => [
    ..."compile -m m -t onnx -o".split(" "),
    at("licensed"),
    "-w",
    await weights("licensed", [], { license: text }),
    at("s.cnx"),
  ],
  "an element type": text => {
    const header = Buffer.from(`{"a":{"dtype":${j(text)},"shape":[1],"data_offsets":[0,4]}}`);
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(header.length));
    return ["weights", "inspect", put("typed.safetensors", Buffer.concat([size, header, Buffer.alloc(4)]))];
  },
  "an index's shard": text => [
    "weights",
    "inspect",
    put("m.safetensors.index.json", `{"weight_map":{${j(text)}:${j(text)}}}`),
  ],
  "a member of an archive": text => [
    "weights",
    "inspect",
    put("a.npz", zip([{ name: `${text}.npy`, data: Buffer.alloc(3) }])),
  ],
  "a global of a pickle": text => [
    "weights",
    "inspect",
    put(
      "a.pt",
      zip([
        { name: "a/data.pkl", data: bytesOf([0x80, 2], Buffer.from(`c${text.replaceAll("\n", "")}\nx\n`), [STOP]) },
      ]),
    ),
  ],
  "names of an ONNX graph": text => {
    editModel(at("built"), ({ graph }) => {
      graph.node[3].name = text;
      graph.node[3].input[0] = text;
    });
    return ["verify", path.join(at("built"), modelFile)];
  },
  "a field of a config": text => ["import", put("config.json", `{"model_type":${j(text)},${j(text)}:1}`)],
  "a config's file name": text => [
    "import",
    put(`${fileName(text)}.json`, '{"model_type":"convnextv2","depths":[1,1],"hidden_sizes":[8,16]}'),
  ],
  "what a shard calls its sweep": text => shard('"sweep":"s"', `"sweep":${j(text)}`),
  "a shard's device": text => shard('"title":"', `"title":${j(text).slice(0, -1)}`),
  "a shard's condition": text => shard('"params>=1"', j(text)),
  "a shard's value": text => shard('"values":[1,2]', `"values":[${j(text)},2]`),
  "a shard's index": text => shard('"index":0', `"index":${j(text)}`),
  "a field that no shard has": text => shard('"points":2', `${j(text)}:1,"points":2`),
  "a device's title": text => withDevice('"title": "', `"title": ${j(text).slice(0, -1)}`),
  "a device's number": text => withDevice('"units": 40', `"units": ${j(text)}`),
  "a device's field": text => withDevice('"overlaps"', j(text)),
  "a device's rates": text => withDevice('"f32"', j(text)),
  "a tuning table's device": text => [
    ..."compile -m m -t cuda -o".split(" "),
    at("tuned"),
    at("s.cnx"),
    "--cuda-tuning",
    put("table.json", `{"format":1,"architecture":"sm_90","device":${j(text)},"rows":[]}`),
  ],
  "a label": text => {
    put("labels.txt", `${text.replaceAll(/[\r\n]/g, "")}\nb\nc\n`);
    put("a.png", writePng({ width: 32, height: 32, data: Buffer.alloc(32 * 32 * 4) }));
    return [
      ..."classify --on reference -w random:1 -m m".split(" "),
      at("s.cnx"),
      at("a.png"),
      "--labels",
      at("labels.txt"),
    ];
  },
  "a picture's name": text => [
    ..."classify --on reference -w random:1 -m m".split(" "),
    at("s.cnx"),
    put(`${fileName(text)}.png`, "no picture"),
  ],
  "an option's value": text => ["explore", at("s.cnx"), "--where", text],
  "a column": text => ["explore", at("s.cnx"), "--sort", text],
  "a device": text => ["explore", at("s.cnx"), "--device", text],
  "a model": text => ["compile", at("s.cnx"), "-m", text, "-o", at("out")],
  "a choice": text => ["compile", at("s.cnx"), "-t", text, "-o", at("out")],
  "a number": text => ["explore", at("s.cnx"), "--top", text],
  "an option": text => ["check", `--${text}`],
  "a command": text => [text],
};

describe("a stranger's text stays in its place", () => {
  test.each(Object.keys(fields))("%s", async field => {
    for (const [kind, text] of Object.entries(hostile)) {
      const words = (await fields[field]?.(text)) ?? [];
      const said = await cnxc(words);
      expect([0, 1, 2, 3, 4, 6, 7], `${kind}: ${said.stderr}`).toContain(said.code);
      for (const out of [said.stdout, said.stderr]) {
        expect(out, kind).not.toMatch(hidden);
        expect(out, kind).not.toMatch(/^forged/m);
        expect(out.length, kind).toBeLessThan(6000);
      }
      const { stdout } = await cnxc([...words.slice(0, 1), "--json", ...words.slice(1)]);
      expect(stdout.trimEnd(), kind).not.toMatch(/[^\P{Cc}]/u);
      expect(stdout.trimEnd(), kind).not.toMatch(hidden);
      for (const { message } of JSON.parse(stdout).diagnostics) expect(message.length, kind).toBeLessThan(2100);
    }
  });
});

test("a manifest states the beginning of a licence that is a book", async () => {
  const words = ["compile", "-m", "m", "-t", "onnx", "-o", at("booked"), at("s.cnx"), "-w"];
  expect((await cnxc([...words, await weights("booked", [], { license: hostile.long ?? "" })])).code).toBe(0);
  const { license } = JSON.parse(readFileSync(at("booked/cnxc.manifest.json"), "utf8")).specs[0].options.weights;
  expect(license).toBe(`${"n".repeat(2000)}… (+8000 characters)`);
});

test("what an option takes is told after however long a word", async () => {
  const { stderr } = await cnxc(["explore", at("s.cnx"), "--top", `${hostile.lines}${hostile.long}`]);
  expect(stderr).toMatch(/ characters\)' is invalid\. it is a whole number from 1 to 100000\n$/);
});
