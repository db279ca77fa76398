import { describe, expect, test } from "vitest";
import { printDraft } from "../../src/import/print-draft.ts";
import { printPreprocess } from "../../src/import/print-preprocess.ts";
import { importTimm } from "../../src/import/timm.ts";
import { networks } from "../../src/import/timm-networks.ts";
import { tagsOf } from "../../src/import/timm-tags.ts";
import { classifierOf } from "../../src/model/model.ts";
import { checkFiles, filesOf, must } from "../syntax/support.ts";

const usual = { name: null, features: false };
const imported = (name: string) => {
  const result = importTimm(name, usual);
  if (!result.ok) throw new Error(`${name}: ${result.diagnostics.map(({ message }) => message).join("\n")}`);
  return result.value;
};

/** Names of a group: a line has a network and the tags of its weights. */
const namesIn = (lines: string): readonly string[] =>
  lines
    .trim()
    .split("\n")
    .flatMap(line => {
      const [network = "", ...tags] = line.trim().split(" ");
      return tags.map(tag => `${network}.${tag}`);
    });

interface Group {
  readonly side: number;
  readonly classes: number;
  /** What is told, in order. */
  readonly notes: readonly RegExp[];
  /** What the spec says of pictures; nothing where they are prepared as is usual. */
  readonly pictures?: string;
  readonly names: string;
}

const noHead = /^an encoder of pre-training has no head/;
const embedding = /^the \d+ classes are the dimensions of CLIP's embedding$/;
const crop95 = "crop 0.95";
const clip = "mean [0.48145466, 0.4578275, 0.40821073] std [0.26862954, 0.26130258, 0.27577711] crop 1";

const groups: readonly Group[] = [
  {
    side: 224,
    classes: 1000,
    notes: [],
    names: `
      convnextv2_atto fcmae_ft_in1k
      convnextv2_femto fcmae_ft_in1k
      convnextv2_pico fcmae_ft_in1k
      convnextv2_nano fcmae_ft_in1k fcmae_ft_in22k_in1k
      convnextv2_tiny fcmae_ft_in1k fcmae_ft_in22k_in1k
      convnextv2_small untrained
      convnextv2_base fcmae_ft_in1k fcmae_ft_in22k_in1k
      convnextv2_large fcmae_ft_in1k fcmae_ft_in22k_in1k
      convnextv2_huge fcmae_ft_in1k
      convnext_atto d2_in1k
      convnext_femto d1_in1k
      convnext_pico d1_in1k
      convnext_tiny fb_in1k fb_in22k_ft_in1k
      convnext_small fb_in1k fb_in22k_ft_in1k
      convnext_base fb_in1k fb_in22k_ft_in1k
      convnext_large fb_in1k fb_in22k_ft_in1k
      convnext_xlarge untrained fb_in22k_ft_in1k`,
  },
  { side: 384, classes: 1000, notes: [], pictures: "crop 1", names: "convnext_nano r384_in12k_ft_in1k" },
  {
    side: 384,
    classes: 1000,
    notes: [],
    names: `
      convnextv2_nano fcmae_ft_in22k_in1k_384
      convnextv2_tiny fcmae_ft_in22k_in1k_384
      convnextv2_base fcmae_ft_in22k_in1k_384
      convnextv2_large fcmae_ft_in22k_in1k_384
      convnextv2_huge fcmae_ft_in22k_in1k_384
      convnext_tiny in12k_ft_in1k_384 fb_in22k_ft_in1k_384
      convnext_small in12k_ft_in1k_384 fb_in22k_ft_in1k_384
      convnext_base fb_in22k_ft_in1k_384
      convnext_large fb_in22k_ft_in1k_384
      convnext_xlarge fb_in22k_ft_in1k_384`,
  },
  { side: 384, classes: 11_821, notes: [], pictures: "crop 1", names: "convnext_nano r384_in12k r384_ad_in12k" },
  { side: 512, classes: 1000, notes: [], names: "convnextv2_huge fcmae_ft_in22k_in1k_512" },
  {
    side: 224,
    classes: 0,
    notes: [noHead],
    names: ["atto", "femto", "pico", "nano", "tiny", "base", "large", "huge"]
      .map(size => `convnextv2_${size} fcmae`)
      .join("\n"),
  },
  {
    side: 224,
    classes: 21_841,
    notes: [],
    names: ["tiny", "small", "base", "large", "xlarge"].map(size => `convnext_${size} fb_in22k`).join("\n"),
  },
  {
    side: 224,
    classes: 1000,
    notes: [],
    pictures: crop95,
    names: "convnext_nano d1h_in1k in12k_ft_in1k\nconvnext_tiny in12k_ft_in1k\nconvnext_small in12k_ft_in1k",
  },
  {
    side: 224,
    classes: 11_821,
    notes: [],
    pictures: crop95,
    names: "convnext_nano in12k\nconvnext_tiny in12k\nconvnext_small in12k",
  },
  {
    side: 256,
    classes: 1000,
    notes: [],
    pictures: clip,
    names: `
      convnext_base clip_laion2b_augreg_ft_in12k_in1k clip_laion2b_augreg_ft_in1k
      convnext_xxlarge clip_laion2b_soup_ft_in1k`,
  },
  {
    side: 384,
    classes: 1000,
    notes: [],
    pictures: clip,
    names: "convnext_base clip_laion2b_augreg_ft_in12k_in1k_384 clip_laiona_augreg_ft_in1k_384",
  },
  {
    side: 256,
    classes: 11_821,
    notes: [],
    pictures: clip,
    names: "convnext_base clip_laion2b_augreg_ft_in12k\nconvnext_xxlarge clip_laion2b_soup_ft_in12k",
  },
  {
    side: 256,
    classes: 640,
    notes: [embedding],
    pictures: clip,
    names: "convnext_base clip_laion2b clip_laion2b_augreg clip_laiona",
  },
  {
    side: 320,
    classes: 640,
    notes: [embedding],
    pictures: clip,
    names: "convnext_base clip_laiona_320 clip_laiona_augreg_320",
  },
  {
    side: 256,
    classes: 1024,
    notes: [embedding],
    pictures: clip,
    names: "convnext_xxlarge clip_laion2b_soup clip_laion2b_rewind",
  },
];

/** Names of timm whose network a spec cannot say, by the part. */
const others: readonly (readonly [name: string, part: RegExp])[] = [
  ["convnext_zepto_rms.ra4_e3600_r224_in1k", /its norms/],
  ["convnext_zepto_rms_ols.ra4_e3600_r224_in1k", /its stem/],
  ["convnext_atto_rms.untrained", /its norms/],
  ["convnext_atto_ols.a2_in1k", /its stem/],
  ["convnext_femto_ols.d1_in1k", /its stem/],
  ["convnext_pico_ols.d1_in1k", /its stem/],
  ["convnext_nano_ols.d1h_in1k", /its stem/],
  ["convnext_tiny_hnf.a2h_in1k", /its head/],
  ["convnext_large_mlp.clip_laion2b_augreg_ft_in1k", /its head/],
  ["convnext_large_mlp.clip_laion2b_soup_ft_in12k_in1k_320", /its head/],
];

describe("weights by timm's names", () => {
  test("are all in these groups", () => {
    const grouped = groups.flatMap(({ names }) => namesIn(names));
    const known = Object.entries(tagsOf).flatMap(([name, tags]) => Object.keys(tags).map(tag => `${name}.${tag}`));
    expect(grouped.toSorted()).toEqual(known.toSorted());
    expect(new Set(grouped).size).toBe(grouped.length);
    expect(Object.keys(tagsOf).toSorted()).toEqual([...networks.keys()].toSorted());
  });

  test.each(groups)(
    "of $side pixels, $classes classes and $notes.length notes",
    ({ side, classes, notes, pictures = "", names }) => {
      for (const name of namesIn(names)) {
        const { draft, notes: told } = imported(name);
        expect(draft.input, name).toEqual({ height: side, width: side, channels: 3 });
        expect(draft.head, name).toEqual(
          classes === 0 ? { kind: "features", levels: [1, 2, 3, 4], norm: false } : classifierOf(classes),
        );
        expect(told, name).toEqual(notes.map(note => expect.stringMatching(note)));
        expect(draft.normEps, name).toBe(name.includes("xxlarge") ? 1e-5 : 1e-6);
        const text = printDraft(draft, "Test.");
        expect(printPreprocess(draft.preprocess, draft.input), name).toBe(`{ ${pictures} }`);
        expect(text.ok && must(checkFiles(filesOf({ "input.cnx": text.value }))).models.size, name).toBe(1);
      }
    },
  );

  test.each(others)("%s is of another network", (name, part) => {
    const result = importTimm(name, usual);
    expect(result.diagnostics.map(({ code }) => code)).toEqual(["import-timm-network"]);
    expect(result.diagnostics[0]?.message).toMatch(part);
  });

  test.each([
    "convnext_tiny.dinov3_lvd1689m",
    "convnext_atto.fb_in1k",
    "convnextv2_huge.fcmae_ft_in22k_in1k",
    "convnextv2_atto.",
    "convnextv2_atto.constructor",
  ])("%s is none that is known", name => {
    expect(importTimm(name, usual).diagnostics).toEqual([
      expect.objectContaining({ code: "import-unknown-tag", message: expect.stringContaining("config.json") }),
    ]);
  });
});
