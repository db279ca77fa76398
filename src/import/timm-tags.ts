import { cropPct, imagenet } from "../model/preprocess.ts";
import type { Preprocessing } from "./preprocessing.ts";

/** What timm's tag of weights says beside the network. */
export interface Tag {
  readonly side: number;
  /** 0 give the pooled vector. Null is an encoder of pre-training, whose weights have no head at all. */
  readonly classes: number | null;
  readonly preprocessing: Preprocessing;
  /** The side of the pictures that timm tests the weights with, where that is another one, and how it crops them. */
  readonly tested?: { readonly side: number; readonly crop: number };
  readonly note?: string;
}

const imagenet1k = 1000;
const imagenet12k = 11_821;
const imagenet22k = 21_841;

/** Weights that take pictures as timm's default config has it, but for what is stated. */
const of = (classes: number | null, side: number, preprocessing: Preprocessing = {}): Tag => ({
  side,
  classes,
  preprocessing: { ...imagenet, crop_pct: cropPct, crop_mode: "center", interpolation: "bicubic", ...preprocessing },
});
const testedAt = (tag: Tag, side: number, crop: number): Tag => ({ ...tag, tested: { side, crop } });

const cropped = (classes: number): Tag => of(classes, 224);
const wide = (classes: number): Tag => of(classes, 224, { crop_pct: 0.95 });
const whole = (side: number, classes: number, more: Preprocessing = {}): Tag =>
  of(classes, side, { crop_pct: 1, ...more });
const squashed = (side: number, classes: number, more: Preprocessing = {}): Tag =>
  whole(side, classes, { crop_mode: "squash", ...more });

/** OpenAI's normalisation, which the image towers of CLIP were trained with. */
const clipped: Preprocessing = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};
const clip = (side: number, classes: number): Tag => whole(side, classes, clipped);
const clipSquashed = (side: number, classes: number): Tag => squashed(side, classes, clipped);
const tower = (side: number, width: number): Tag => ({
  ...clip(side, width),
  note: `the ${width} classes are the dimensions of CLIP's embedding`,
});

/** Pixels from -1 to 1. */
const halves: Preprocessing = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

const pretraining: Tag = {
  ...of(null, 224),
  note: "an encoder of pre-training has no head: the maps of all stages",
};
const pooled = (side: number): Tag => ({ ...whole(side, 0), note: "without classes: the pooled vector, normalised" });

type Tags = Readonly<Record<string, Tag>>;

const at288 = (tag: Tag): Tag => testedAt(tag, 288, 1);
const at288Cropped = (tag: Tag): Tag => testedAt(tag, 288, 0.95);

const facebook = {
  fb_in22k_ft_in1k: at288(cropped(imagenet1k)),
  fb_in22k_ft_in1k_384: squashed(384, imagenet1k),
  fb_in22k: cropped(imagenet22k),
};
const facebook1k = { ...facebook, fb_in1k: at288(cropped(imagenet1k)) };
const twelve = { in12k_ft_in1k: at288(wide(imagenet1k)), in12k: wide(imagenet12k) };
const twelve384 = { ...twelve, in12k_ft_in1k_384: squashed(384, imagenet1k) };
const dinov3 = { dinov3_lvd1689m: pooled(224) };
const dinov3AndEupe = { ...dinov3, eupe_lvd1689m: pooled(256) };
const small = { fcmae: pretraining, fcmae_ft_in1k: at288Cropped(cropped(imagenet1k)) };
const masked = { fcmae: pretraining, fcmae_ft_in1k: at288(cropped(imagenet1k)) };
const masked384 = { ...masked, fcmae_ft_in22k_in1k_384: squashed(384, imagenet1k) };
const masked22k = { ...masked384, fcmae_ft_in22k_in1k: at288(cropped(imagenet1k)) };
const toy = { r160_in1k: of(imagenet1k, 160, { ...halves, crop_pct: 0.95 }) };

/** Tags of weights by the name of their network: all default configs of timm models/convnext.py (timm 1.0.29). */
export const tagsOf: Readonly<Record<string, Tags>> = {
  convnextv2_atto: small,
  convnextv2_femto: small,
  convnextv2_pico: small,
  convnextv2_nano: masked22k,
  convnextv2_tiny: masked22k,
  convnextv2_small: { untrained: cropped(imagenet1k) },
  convnextv2_base: masked22k,
  convnextv2_large: masked22k,
  convnextv2_huge: { ...masked384, fcmae_ft_in22k_in1k_512: squashed(512, imagenet1k) },
  convnext_zepto_rms: { ra4_e3600_r224_in1k: of(imagenet1k, 224, halves) },
  convnext_zepto_rms_ols: { ra4_e3600_r224_in1k: of(imagenet1k, 224, { ...halves, crop_pct: 0.9 }) },
  convnext_atto: { d2_in1k: at288Cropped(cropped(imagenet1k)) },
  convnext_atto_ols: { a2_in1k: at288Cropped(cropped(imagenet1k)) },
  convnext_atto_rms: { untrained: testedAt(cropped(imagenet1k), 256, 0.95) },
  convnext_femto: { d1_in1k: at288Cropped(cropped(imagenet1k)) },
  convnext_femto_ols: { d1_in1k: at288Cropped(cropped(imagenet1k)) },
  convnext_pico: { d1_in1k: at288Cropped(cropped(imagenet1k)) },
  convnext_pico_ols: { d1_in1k: at288(wide(imagenet1k)) },
  convnext_nano: {
    d1h_in1k: at288(wide(imagenet1k)),
    ...twelve,
    r384_in12k_ft_in1k: whole(384, imagenet1k),
    r384_in12k: whole(384, imagenet12k),
    r384_ad_in12k: whole(384, imagenet12k),
  },
  convnext_nano_ols: { d1h_in1k: at288(wide(imagenet1k)) },
  convnext_tiny_hnf: { a2h_in1k: at288(wide(imagenet1k)) },
  convnext_tiny: { ...twelve384, ...facebook1k, ...dinov3AndEupe },
  convnext_small: { ...twelve384, ...facebook1k, ...dinov3AndEupe },
  convnext_base: {
    ...facebook1k,
    clip_laion2b_augreg_ft_in12k_in1k: clip(256, imagenet1k),
    clip_laion2b_augreg_ft_in12k_in1k_384: clipSquashed(384, imagenet1k),
    clip_laion2b_augreg_ft_in1k: clip(256, imagenet1k),
    clip_laiona_augreg_ft_in1k_384: clip(384, imagenet1k),
    clip_laion2b_augreg_ft_in12k: clip(256, imagenet12k),
    clip_laion2b: tower(256, 640),
    clip_laion2b_augreg: tower(256, 640),
    clip_laiona: tower(256, 640),
    clip_laiona_320: tower(320, 640),
    clip_laiona_augreg_320: tower(320, 640),
    ...dinov3AndEupe,
  },
  convnext_large: { ...facebook1k, ...dinov3 },
  convnext_large_mlp: {
    clip_laion2b_soup_ft_in12k_in1k_320: clip(320, imagenet1k),
    clip_laion2b_soup_ft_in12k_in1k_384: clipSquashed(384, imagenet1k),
    clip_laion2b_augreg_ft_in1k: clip(256, imagenet1k),
    clip_laion2b_augreg_ft_in1k_384: clipSquashed(384, imagenet1k),
    clip_laion2b_soup_ft_in12k_320: clip(320, imagenet12k),
    clip_laion2b_augreg_ft_in12k_384: clipSquashed(384, imagenet12k),
    clip_laion2b_soup_ft_in12k_384: clipSquashed(384, imagenet12k),
    clip_laion2b_augreg: tower(256, 768),
    clip_laion2b_ft_320: tower(320, 768),
    clip_laion2b_ft_soup_320: tower(320, 768),
  },
  convnext_xlarge: facebook,
  convnext_xxlarge: {
    clip_laion2b_soup_ft_in1k: clip(256, imagenet1k),
    clip_laion2b_soup_ft_in12k: clip(256, imagenet12k),
    clip_laion2b_soup: tower(256, 1024),
    clip_laion2b_rewind: tower(256, 1024),
  },
  test_convnext: toy,
  test_convnext2: toy,
  test_convnext3: toy,
};

/** What timm called weights of V1 before it had tags: its table of deprecated names. */
const former = /^convnext_(tiny|small|base|large|xlarge)(?:(_384)?_in22ft1k|_in22k)$/;

/** A name of timm as it is today. */
export const presentName = (name: string): string => {
  const [, size, resolution = ""] = former.exec(name) ?? [];
  if (size === undefined) return name;
  return `convnext_${size}.fb_in22k${name.endsWith("_in22k") ? "" : `_ft_in1k${resolution}`}`;
};
