import { renderTemplate } from "../../embedded/render-template.ts";

/**
 * WGSL of the masks that `randomMask` draws, for those who make them where they are used. Binding 0 of group 0 takes
 * the masks, f32 [seeds][images][patches], binding 1 the seeds, u32; `main` is dispatched as (1, images, seeds).
 */
export const randomMaskWgsl = ({ patches, keep }: { readonly patches: number; readonly keep: number }): string =>
  renderTemplate("wgsl/random-mask", {
    patches,
    keep,
    invocations: 64,
    fours: false,
    bindings: [
      { index: 0, name: "mask", access: "read_write", type: "array<f32>", note: `[seeds][images][${patches}]` },
      { index: 1, name: "seeds", access: "read", type: "array<u32>", note: "[seeds]" },
    ],
  });
