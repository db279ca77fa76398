import type { Kind } from "../../src/diagnostics/exit-codes.ts";
import type { DiagnosticCode } from "../../src/diagnostics/messages.ts";
import { maxShards } from "../../src/weights/formats/index-file.ts";
import { maxIndex } from "../../src/weights/formats/shards.ts";
import { elements, type Param } from "../../src/weights/tensor.ts";
import { modelZip } from "./pickle-build.ts";
import { corpusParams, encode, file, rowsOf, whole } from "./safetensors-build.ts";

/** An index of shards with what lies around it, and the outcome it must give. */
export interface ShardsRow {
  readonly id: string;
  readonly title: string;
  /** By path; the index is `in/w.index.json`. */
  readonly files: () => Readonly<Record<string, Uint8Array | string>>;
  /** Symbolic links by path, and where they lead. */
  readonly links?: Readonly<Record<string, string>>;
  /** Hard links by path, and the files they are. */
  readonly hardLinks?: Readonly<Record<string, string>>;
  readonly kind: Kind | null;
  readonly code: DiagnosticCode | null;
  /** What the sentences must hold. */
  readonly says: readonly string[];
}

export const indexFile = "in/w.index.json";
const [first, second] = ["w-1-of-2.safetensors", "w-2-of-2.safetensors"];
const params = [corpusParams.slice(0, 7), corpusParams.slice(7)] as const;

/** A shard of these tensors, all zeros. */
const shard = (tensors: readonly Param[]): Uint8Array => {
  const size = tensors.reduce((sum, { shape }) => sum + 4 * elements(shape), 0);
  return file(`{${rowsOf(tensors).join(",")}}`, new Uint8Array(size));
};
const shards: ReadonlyMap<string, readonly Param[]> = new Map([
  [first, params[0]],
  [second, params[1]],
]);
const places = (of: ReadonlyMap<string, readonly Param[]>): readonly (readonly [string, string])[] =>
  [...of].flatMap(([path, tensors]) => tensors.map(({ name }) => [name, path] as const));
const map = (rows: readonly (readonly [string, unknown])[]): string =>
  rows.map(([name, path]) => `${JSON.stringify(name)}: ${JSON.stringify(path)}`).join(",\n    ");
/** The text of an index, as transformers writes it. */
const index = (rows: readonly (readonly [string, unknown])[], metadata = '{"total_size": 1288}'): string =>
  `{\n  "metadata": ${metadata},\n  "weight_map": {\n    ${map(rows)}\n  }\n}\n`;

/** Both shards where they belong. */
const both = { [`in/${first}`]: shard(params[0]), [`in/${second}`]: shard(params[1]) };
/** An index that names the second shard so. */
const spelt = (path: string): string => index(places(new Map([[first, params[0]], [path, params[1]]])));
const [stray] = [{ name: "stray", shape: [1] }] as const;

const row = (
  id: string,
  title: string,
  files: ShardsRow["files"],
  outcome: readonly [Kind, DiagnosticCode] | null,
  ...says: readonly string[]
): ShardsRow => ({ id: `F46-${id}`, title, files, kind: outcome?.[0] ?? null, code: outcome?.[1] ?? null, says });

const outside = (id: string, title: string, path: string, why: string): ShardsRow =>
  row(
    `path-${id}`,
    title,
    () => ({ [indexFile]: spelt(path), ...both, [second]: shard(params[1]) }),
    ["E_O_PATH", "shard-path"],
    why,
  );
const json = (id: string, title: string, text: string, code: DiagnosticCode, ...says: readonly string[]): ShardsRow =>
  row(id, title, () => ({ [indexFile]: text, ...both }), ["E_W_HEADER", code], ...says);

export const shardsCorpus: readonly ShardsRow[] = [
  row("two-shards", "two shards", () => ({ [indexFile]: index(places(shards)), ...both }), null),
  row(
    "one-shard",
    "an index of one file",
    () => ({ [indexFile]: index(places(new Map([["w", corpusParams]]))), "in/w": whole }),
    null,
  ),
  row("no-metadata", "no metadata", () => ({ [indexFile]: `{"weight_map":{${map(places(shards))}}}`, ...both }), null),
  row(
    "below",
    "shards in a folder below",
    () => ({ [indexFile]: spelt(`a/${second}`), ...both, [`in/a/${second}`]: shard(params[1]), [`in/${second}`]: "" }),
    null,
  ),
  row("dot", "a shard's path with dots", () => ({ [indexFile]: spelt(`.//${second}`), ...both }), null),
  {
    ...row("link", "a link that stays", () => ({ [indexFile]: spelt("l"), ...both }), null),
    links: { "in/l": second },
  },
  row(
    "torch",
    "shards of torch.save",
    () => ({ [indexFile]: index(places(new Map([["w.bin", corpusParams]]))), "in/w.bin": modelZip() }),
    null,
  ),

  outside("up", "a shard above", `../${second}`, "leads out of the folder of the index"),
  outside("up-within", "a path that comes back", `../in/${second}`, "leads out"),
  outside("up-later", "a path that goes down first", `a/../../${second}`, "leads out"),
  outside("absolute", "an absolute path", `/${second}`, "is absolute"),
  outside("address", "an address", `https://example.org/${second}`, "is an address"),
  outside("drive", "a drive", `C:${second}`, "is an address"),
  outside("backslash", "a backslash", `..\\${second}`, "has a '\\'"),
  outside("nul", "a NUL character", `${second}\0`, "holds a NUL character"),
  outside("empty", "no name", "", "has no name"),
  outside("dots", "the folder itself", "./.", "has no name"),
  {
    ...row(
      "link-out",
      "a link that leaves the folder",
      () => ({ [indexFile]: spelt("l"), ...both, [second]: shard(params[1]) }),
      ["E_O_PATH", "shard-outside"],
      "'l' is a link that leaves the folder",
      "cp -L",
    ),
    links: { "in/l": `../${second}` },
  },
  {
    ...row(
      "link-folder-out",
      "a folder below that is a link out",
      () => ({ [indexFile]: spelt(`l/${second}`), ...both, [`out/${second}`]: shard(params[1]) }),
      ["E_O_PATH", "shard-outside"],
    ),
    links: { "in/l": "../out" },
  },

  row(
    "missing",
    "a shard that is not there",
    () => ({ [indexFile]: index(places(shards)), [`in/${first}`]: both[`in/${first}`] ?? "" }),
    ["E_W_MISSING", "shard-missing"],
    `'${second}' is not beside the index`,
  ),
  {
    ...row("missing-link", "a link to nothing", () => ({ [indexFile]: spelt("l"), ...both }), [
      "E_W_MISSING",
      "shard-missing",
    ]),
    links: { "in/l": "gone" },
  },
  row("folder", "a folder for a shard", () => ({ [indexFile]: spelt("a"), ...both, "in/a/b": "" }), [
    "E_IO_NOTFILE",
    "not-a-file",
  ]),

  row(
    "twice-spelt",
    "one shard under two spellings",
    () => ({ [indexFile]: index([...places(shards), ["stray", `./${first}`]]), ...both }),
    ["E_W_DUPKEY", "shard-twice"],
    `'./${first}' and '${first}' are one file`,
  ),
  {
    ...row("twice-link", "one shard under the name of a link", () => ({ [indexFile]: spelt("l"), ...both }), [
      "E_W_DUPKEY",
      "shard-twice",
    ]),
    links: { "in/l": first },
  },
  {
    ...row("twice-hard", "one shard under two names", () => ({ [indexFile]: spelt("l"), ...both }), [
      "E_W_DUPKEY",
      "shard-twice",
    ]),
    hardLinks: { "in/l": `in/${first}` },
  },
  row(
    "key-twice",
    "a key twice in the map",
    () => ({ [indexFile]: index([...places(shards), ["head.bias", first]]), ...both }),
    ["E_W_DUPKEY", "weights-duplicate-key"],
    "'head.bias' stands twice in one object of the index",
  ),
  row(
    "key-escaped",
    "a key twice, once with an escape",
    () => ({
      [indexFile]: index(places(shards)).replace('"head.bias":', `"head.bi\\u0061s": "${second}", $&`),
      ...both,
    }),
    ["E_W_DUPKEY", "weights-duplicate-key"],
  ),
  row(
    "tensor-in-two",
    "a tensor in two shards",
    () => ({ [indexFile]: index(places(shards)), ...both, [`in/${first}`]: shard([...params[0], ...params[1].slice(-1)]) }),
    ["E_W_DUPKEY", "shard-other"],
    `'head.bias' is in this shard, but the index puts it into '${second}'`,
    first,
  ),
  row(
    "tensor-elsewhere",
    "a tensor in a shard that the map does not give it",
    () => ({
      [indexFile]: index(places(shards)),
      [`in/${first}`]: shard([...params[0], ...params[1].slice(-1)]),
      [`in/${second}`]: shard(params[1].slice(0, -1)),
    }),
    ["E_W_DUPKEY", "shard-other"],
  ),
  row(
    "map-twice",
    "two maps",
    () => ({ [indexFile]: `{"weight_map":{${map(places(shards))}},"weight_map":{}}`, ...both }),
    ["E_W_DUPKEY", "weights-duplicate-key"],
  ),
  row(
    "shard-lacks",
    "a tensor that its shard lacks",
    () => ({ [indexFile]: index([...places(shards), ["stray", first]]), ...both }),
    ["E_W_MISSING", "shard-lacks"],
    `the index puts 'stray' into '${first}', which lacks it`,
  ),
  row(
    "shard-extra",
    "a tensor that the map leaves out",
    () => ({ [indexFile]: index(places(shards)), ...both, [`in/${second}`]: shard([...params[1], stray]) }),
    ["E_W_EXTRA", "shard-extra"],
    "'stray' is in a shard and not in the index",
    second,
  ),

  row("config", "a config.json", () => ({ [indexFile]: '{"model_type": "convnextv2"}' }), [
    "E_W_FORMAT",
    "index-no-map",
  ]),
  row("braces", "an empty object", () => ({ [indexFile]: "{}" }), ["E_W_FORMAT", "index-no-map"], "no index of shards"),
  row("array", "a list", () => ({ [indexFile]: '["w-1-of-2.safetensors"]' }), ["E_W_FORMAT", "weights-format"]),
  json("map-list", "a list for a map", `{"weight_map": ["${first}"]}`, "weights-header-syntax", "an object"),
  json("map-number", "a number for a shard", index([["a", 1]]), "weights-header-syntax", "the name of a shard"),
  json("map-null", "nothing for a shard", index([["a", null]]), "weights-header-syntax"),
  json("cut", "an index that is cut off", index(places(shards)).slice(0, -20), "weights-header-syntax", "the index is"),
  json("behind", "something behind the index", `${index(places(shards))}{}`, "weights-header-syntax"),
  json("deep", "deep metadata", `{"metadata":${"[".repeat(1e6)}`, "weights-header-depth", "the index is nested"),
  json("surrogate", "half a surrogate pair", index(places(shards)).replace("head.bias", "\\ud800"), "weights-header-surrogate"),
  row(
    "utf8",
    "bytes that are no UTF-8",
    () => ({ [indexFile]: Buffer.concat([encode('{"weight_map":{"'), Uint8Array.of(0xff), encode('":"w"}}')]) }),
    ["E_W_HEADER", "weights-header-utf8"],
  ),
  row(
    "shard-is-index",
    "an index as a shard",
    () => ({ [indexFile]: index([["a", "b"]]), "in/b": index(places(shards)), ...both }),
    ["E_W_FORMAT", "weights-format"],
    "JSON text",
  ),
  row(
    "shard-cut",
    "a shard that is cut off",
    () => ({ [indexFile]: index(places(shards)), ...both, [`in/${second}`]: shard(params[1]).subarray(0, -1) }),
    ["E_W_TRUNC", "weights-tensor-truncated"],
    second,
  ),
  row(
    "shard-html",
    "an error page as a shard",
    () => ({ [indexFile]: index(places(shards)), ...both, [`in/${first}`]: "<!DOCTYPE html><html></html>" }),
    ["E_W_FORMAT", "weights-format"],
    "an HTML page",
  ),

  row(
    "many-shards",
    "more shards than may be",
    () => ({ [indexFile]: index(Array.from({ length: maxShards + 1 }, (_, k) => [`t${k}`, `s${k}`])) }),
    ["E_W_LIMIT", "index-limit-shards"],
    `more than ${maxShards} shards`,
  ),
  row(
    "many-tensors",
    "more tensors than may be",
    () => ({ [indexFile]: index(Array.from({ length: 65_537 }, (_, k) => [`t${k}`, "s"])) }),
    ["E_W_LIMIT", "weights-limit-tensors"],
  ),
  row(
    "many-fields",
    "more fields than may be",
    () => ({ [indexFile]: index([], `{${map(Array.from({ length: 65_538 }, (_, k) => [`${k}`, ""]))}}`) }),
    ["E_W_LIMIT", "weights-limit-fields"],
    "an object of the index",
  ),
  row(
    "large",
    "an index larger than may be",
    () => ({ [indexFile]: `{"weight_map":{${" ".repeat(maxIndex)}}}` }),
    ["E_W_LIMIT", "index-limit-bytes"],
    `${maxIndex}`,
  ),
];
