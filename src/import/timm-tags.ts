import type { Preprocessing } from "./preprocessing.ts";

/** What timm's tag of weights says beside the network. */
export interface Tag {
  readonly side: number;
  /** 0 are an encoder of pre-training, which has no head. */
  readonly classes: number;
  readonly preprocessing: Preprocessing;
  readonly note?: string;
}

const imagenet1k = 1000;
const imagenet12k = 11_821;
const imagenet22k = 21_841;

const cropped = (classes: number): Tag => ({ side: 224, classes, preprocessing: { crop_pct: 0.875 } });
const wide = (classes: number): Tag => ({ side: 224, classes, preprocessing: { crop_pct: 0.95 } });
const squashed = (side: number, classes: number): Tag => ({
  side,
  classes,
  preprocessing: { crop_pct: 1, crop_mode: "squash" },
});
const whole = (side: number, classes: number): Tag => ({ side, classes, preprocessing: { crop_pct: 1 } });

/** OpenAI's normalisation, which the image towers of CLIP were trained with. */
const clip = (side: number, classes: number): Tag => ({
  side,
  classes,
  preprocessing: {
    mean: [0.48145466, 0.4578275, 0.40821073],
    std: [0.26862954, 0.26130258, 0.27577711],
    crop_pct: 1,
  },
});
const tower = (side: number, width: number): Tag => ({
  ...clip(side, width),
  note: `the ${width} classes are the dimensions of CLIP's embedding`,
});

const pretraining: Tag = {
  ...cropped(0),
  note: "an encoder of pre-training has no head: the maps of all stages",
};

type Tags = Readonly<Record<string, Tag>>;

const facebook = {
  fb_in22k_ft_in1k: cropped(imagenet1k),
  fb_in22k_ft_in1k_384: squashed(384, imagenet1k),
  fb_in22k: cropped(imagenet22k),
};
const facebook1k = { ...facebook, fb_in1k: cropped(imagenet1k) };
const twelve = { in12k_ft_in1k: wide(imagenet1k), in12k: wide(imagenet12k) };
const twelve384 = { ...twelve, in12k_ft_in1k_384: squashed(384, imagenet1k) };
const untrained = { untrained: cropped(imagenet1k) };
const masked = { fcmae: pretraining, fcmae_ft_in1k: cropped(imagenet1k) };
const masked384 = { ...masked, fcmae_ft_in22k_in1k_384: squashed(384, imagenet1k) };
const masked22k = { ...masked384, fcmae_ft_in22k_in1k: cropped(imagenet1k) };

/** Tags of weights by the name of their network. Source: the default configs of timm models/convnext.py. */
export const tagsOf: Readonly<Record<string, Tags>> = {
  convnextv2_atto: masked,
  convnextv2_femto: masked,
  convnextv2_pico: masked,
  convnextv2_nano: masked22k,
  convnextv2_tiny: masked22k,
  convnextv2_small: untrained,
  convnextv2_base: masked22k,
  convnextv2_large: masked22k,
  convnextv2_huge: { ...masked384, fcmae_ft_in22k_in1k_512: squashed(512, imagenet1k) },
  convnext_atto: { d2_in1k: cropped(imagenet1k) },
  convnext_femto: { d1_in1k: cropped(imagenet1k) },
  convnext_pico: { d1_in1k: cropped(imagenet1k) },
  convnext_nano: {
    d1h_in1k: wide(imagenet1k),
    ...twelve,
    r384_in12k_ft_in1k: whole(384, imagenet1k),
    r384_in12k: whole(384, imagenet12k),
    r384_ad_in12k: whole(384, imagenet12k),
  },
  convnext_tiny: { ...twelve384, ...facebook1k },
  convnext_small: { ...twelve384, ...facebook1k },
  convnext_base: {
    ...facebook1k,
    clip_laion2b_augreg_ft_in12k_in1k: clip(256, imagenet1k),
    clip_laion2b_augreg_ft_in12k_in1k_384: clip(384, imagenet1k),
    clip_laion2b_augreg_ft_in1k: clip(256, imagenet1k),
    clip_laiona_augreg_ft_in1k_384: clip(384, imagenet1k),
    clip_laion2b_augreg_ft_in12k: clip(256, imagenet12k),
    clip_laion2b: tower(256, 640),
    clip_laion2b_augreg: tower(256, 640),
    clip_laiona: tower(256, 640),
    clip_laiona_320: tower(320, 640),
    clip_laiona_augreg_320: tower(320, 640),
  },
  convnext_large: facebook1k,
  convnext_xlarge: { ...facebook, ...untrained },
  convnext_xxlarge: {
    clip_laion2b_soup_ft_in1k: clip(256, imagenet1k),
    clip_laion2b_soup_ft_in12k: clip(256, imagenet12k),
    clip_laion2b_soup: tower(256, 1024),
    clip_laion2b_rewind: tower(256, 1024),
  },
};
