/**
 * Every tag of weights that timm has for ConvNeXt: side of the pictures, classes, crop_pct, crop_mode, normalisation, and
 * at which side and crop timm tests the weights. All take three channels, and all resize bicubically.
 * Source: the default configs of timm models/convnext.py (timm 1.0.29), read by a script.
 */
const table = `
  convnext_tiny.in12k_ft_in1k 224 1000 0.95 center imagenet 288@1
  convnext_small.in12k_ft_in1k 224 1000 0.95 center imagenet 288@1
  convnext_zepto_rms.ra4_e3600_r224_in1k 224 1000 0.875 center half -
  convnext_zepto_rms_ols.ra4_e3600_r224_in1k 224 1000 0.9 center half -
  convnext_atto.d2_in1k 224 1000 0.875 center imagenet 288@0.95
  convnext_atto_ols.a2_in1k 224 1000 0.875 center imagenet 288@0.95
  convnext_atto_rms.untrained 224 1000 0.875 center imagenet 256@0.95
  convnext_femto.d1_in1k 224 1000 0.875 center imagenet 288@0.95
  convnext_femto_ols.d1_in1k 224 1000 0.875 center imagenet 288@0.95
  convnext_pico.d1_in1k 224 1000 0.875 center imagenet 288@0.95
  convnext_pico_ols.d1_in1k 224 1000 0.95 center imagenet 288@1
  convnext_nano.in12k_ft_in1k 224 1000 0.95 center imagenet 288@1
  convnext_nano.d1h_in1k 224 1000 0.95 center imagenet 288@1
  convnext_nano_ols.d1h_in1k 224 1000 0.95 center imagenet 288@1
  convnext_tiny_hnf.a2h_in1k 224 1000 0.95 center imagenet 288@1
  convnext_nano.r384_in12k_ft_in1k 384 1000 1 center imagenet -
  convnext_tiny.in12k_ft_in1k_384 384 1000 1 squash imagenet -
  convnext_small.in12k_ft_in1k_384 384 1000 1 squash imagenet -
  convnext_nano.in12k 224 11821 0.95 center imagenet -
  convnext_nano.r384_in12k 384 11821 1 center imagenet -
  convnext_nano.r384_ad_in12k 384 11821 1 center imagenet -
  convnext_tiny.in12k 224 11821 0.95 center imagenet -
  convnext_small.in12k 224 11821 0.95 center imagenet -
  convnext_tiny.fb_in22k_ft_in1k 224 1000 0.875 center imagenet 288@1
  convnext_small.fb_in22k_ft_in1k 224 1000 0.875 center imagenet 288@1
  convnext_base.fb_in22k_ft_in1k 224 1000 0.875 center imagenet 288@1
  convnext_large.fb_in22k_ft_in1k 224 1000 0.875 center imagenet 288@1
  convnext_xlarge.fb_in22k_ft_in1k 224 1000 0.875 center imagenet 288@1
  convnext_tiny.fb_in1k 224 1000 0.875 center imagenet 288@1
  convnext_small.fb_in1k 224 1000 0.875 center imagenet 288@1
  convnext_base.fb_in1k 224 1000 0.875 center imagenet 288@1
  convnext_large.fb_in1k 224 1000 0.875 center imagenet 288@1
  convnext_tiny.fb_in22k_ft_in1k_384 384 1000 1 squash imagenet -
  convnext_small.fb_in22k_ft_in1k_384 384 1000 1 squash imagenet -
  convnext_base.fb_in22k_ft_in1k_384 384 1000 1 squash imagenet -
  convnext_large.fb_in22k_ft_in1k_384 384 1000 1 squash imagenet -
  convnext_xlarge.fb_in22k_ft_in1k_384 384 1000 1 squash imagenet -
  convnext_tiny.fb_in22k 224 21841 0.875 center imagenet -
  convnext_small.fb_in22k 224 21841 0.875 center imagenet -
  convnext_base.fb_in22k 224 21841 0.875 center imagenet -
  convnext_large.fb_in22k 224 21841 0.875 center imagenet -
  convnext_xlarge.fb_in22k 224 21841 0.875 center imagenet -
  convnextv2_nano.fcmae_ft_in22k_in1k 224 1000 0.875 center imagenet 288@1
  convnextv2_nano.fcmae_ft_in22k_in1k_384 384 1000 1 squash imagenet -
  convnextv2_tiny.fcmae_ft_in22k_in1k 224 1000 0.875 center imagenet 288@1
  convnextv2_tiny.fcmae_ft_in22k_in1k_384 384 1000 1 squash imagenet -
  convnextv2_base.fcmae_ft_in22k_in1k 224 1000 0.875 center imagenet 288@1
  convnextv2_base.fcmae_ft_in22k_in1k_384 384 1000 1 squash imagenet -
  convnextv2_large.fcmae_ft_in22k_in1k 224 1000 0.875 center imagenet 288@1
  convnextv2_large.fcmae_ft_in22k_in1k_384 384 1000 1 squash imagenet -
  convnextv2_huge.fcmae_ft_in22k_in1k_384 384 1000 1 squash imagenet -
  convnextv2_huge.fcmae_ft_in22k_in1k_512 512 1000 1 squash imagenet -
  convnextv2_atto.fcmae_ft_in1k 224 1000 0.875 center imagenet 288@0.95
  convnextv2_femto.fcmae_ft_in1k 224 1000 0.875 center imagenet 288@0.95
  convnextv2_pico.fcmae_ft_in1k 224 1000 0.875 center imagenet 288@0.95
  convnextv2_nano.fcmae_ft_in1k 224 1000 0.875 center imagenet 288@1
  convnextv2_tiny.fcmae_ft_in1k 224 1000 0.875 center imagenet 288@1
  convnextv2_base.fcmae_ft_in1k 224 1000 0.875 center imagenet 288@1
  convnextv2_large.fcmae_ft_in1k 224 1000 0.875 center imagenet 288@1
  convnextv2_huge.fcmae_ft_in1k 224 1000 0.875 center imagenet 288@1
  convnextv2_atto.fcmae 224 0 0.875 center imagenet -
  convnextv2_femto.fcmae 224 0 0.875 center imagenet -
  convnextv2_pico.fcmae 224 0 0.875 center imagenet -
  convnextv2_nano.fcmae 224 0 0.875 center imagenet -
  convnextv2_tiny.fcmae 224 0 0.875 center imagenet -
  convnextv2_base.fcmae 224 0 0.875 center imagenet -
  convnextv2_large.fcmae 224 0 0.875 center imagenet -
  convnextv2_huge.fcmae 224 0 0.875 center imagenet -
  convnextv2_small.untrained 224 1000 0.875 center imagenet -
  convnext_base.clip_laion2b_augreg_ft_in12k_in1k 256 1000 1 center clip -
  convnext_base.clip_laion2b_augreg_ft_in12k_in1k_384 384 1000 1 squash clip -
  convnext_large_mlp.clip_laion2b_soup_ft_in12k_in1k_320 320 1000 1 center clip -
  convnext_large_mlp.clip_laion2b_soup_ft_in12k_in1k_384 384 1000 1 squash clip -
  convnext_base.clip_laion2b_augreg_ft_in1k 256 1000 1 center clip -
  convnext_base.clip_laiona_augreg_ft_in1k_384 384 1000 1 center clip -
  convnext_large_mlp.clip_laion2b_augreg_ft_in1k 256 1000 1 center clip -
  convnext_large_mlp.clip_laion2b_augreg_ft_in1k_384 384 1000 1 squash clip -
  convnext_xxlarge.clip_laion2b_soup_ft_in1k 256 1000 1 center clip -
  convnext_base.clip_laion2b_augreg_ft_in12k 256 11821 1 center clip -
  convnext_large_mlp.clip_laion2b_soup_ft_in12k_320 320 11821 1 center clip -
  convnext_large_mlp.clip_laion2b_augreg_ft_in12k_384 384 11821 1 squash clip -
  convnext_large_mlp.clip_laion2b_soup_ft_in12k_384 384 11821 1 squash clip -
  convnext_xxlarge.clip_laion2b_soup_ft_in12k 256 11821 1 center clip -
  convnext_base.clip_laion2b 256 640 1 center clip -
  convnext_base.clip_laion2b_augreg 256 640 1 center clip -
  convnext_base.clip_laiona 256 640 1 center clip -
  convnext_base.clip_laiona_320 320 640 1 center clip -
  convnext_base.clip_laiona_augreg_320 320 640 1 center clip -
  convnext_large_mlp.clip_laion2b_augreg 256 768 1 center clip -
  convnext_large_mlp.clip_laion2b_ft_320 320 768 1 center clip -
  convnext_large_mlp.clip_laion2b_ft_soup_320 320 768 1 center clip -
  convnext_xxlarge.clip_laion2b_soup 256 1024 1 center clip -
  convnext_xxlarge.clip_laion2b_rewind 256 1024 1 center clip -
  convnext_tiny.dinov3_lvd1689m 224 0 1 center imagenet -
  convnext_small.dinov3_lvd1689m 224 0 1 center imagenet -
  convnext_base.dinov3_lvd1689m 224 0 1 center imagenet -
  convnext_large.dinov3_lvd1689m 224 0 1 center imagenet -
  convnext_tiny.eupe_lvd1689m 256 0 1 center imagenet -
  convnext_small.eupe_lvd1689m 256 0 1 center imagenet -
  convnext_base.eupe_lvd1689m 256 0 1 center imagenet -
  test_convnext.r160_in1k 160 1000 0.95 center half -
  test_convnext2.r160_in1k 160 1000 0.95 center half -
  test_convnext3.r160_in1k 160 1000 0.95 center half -
`;

export interface TagRow {
  readonly name: string;
  readonly side: number;
  readonly classes: number;
  readonly crop: number;
  readonly mode: string;
  readonly norm: string;
  readonly tested: string | null;
}

export const tagRows: readonly TagRow[] = table
  .trim()
  .split("\n")
  .map(line => {
    const [name = "", side, classes, crop, mode = "", norm = "", tested = ""] = line.trim().split(" ");
    const numbers = { side: Number(side), classes: Number(classes), crop: Number(crop) };
    return { name, ...numbers, mode, norm, tested: tested === "-" ? null : tested };
  });
