import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { countParameters } from "../../src/model/count.ts";
import { specNames } from "../support/specs.ts";
import { checkFiles, checkText, must } from "../syntax/support.ts";

const files = new Map(specNames.map(name => [name, readFileSync(`specs/${name}`)]));
const programs = ["convnextv2.cnx", "fcmae.cnx", "features.cnx"].map(name => must(checkFiles(files, name)));
const models = new Map(programs.flatMap(({ models }) => [...models]));

/** As published: classifier of 1000, encoder alone, encoder with decoder. */
describe("parameters", () => {
  test.each([
    ["atto", 3_708_400, 3_386_760, 7_257_992],
    ["femto", 5_233_240, 4_847_472, 8_751_472],
    ["pico", 9_066_280, 8_552_256, 12_521_792],
    ["nano", 15_623_800, 14_981_520, 19_016_592],
    ["tiny", 28_635_496, 27_864_960, 31_965_568],
    ["base", 88_717_800, 87_690_752, 91_922_432],
    ["large", 197_956_840, 196_416_768, 200_910_592],
    ["huge", 660_289_640, 657_467_008, 662_616_192],
  ])("of %s are counted as published", (name, classifier, encoder, fcmae) => {
    const counts = [name, `${name}_features`, `${name}_fcmae`].map(key => {
      const model = models.get(key);
      return model && countParameters(model);
    });
    expect(counts).toEqual([classifier, encoder, fcmae]);
  });
});

/** Every recorded run of the official code says how many parameters it had. */
describe("parameters of recorded runs", () => {
  const folders = ["dense", "fcmae", "options"].map(name => `test/golden/${name}`);
  const runs = folders.flatMap(folder => readdirSync(folder).map(name => `${folder}/${name}`));
  test.each(runs)("%s", path => {
    const golden = JSON.parse(readFileSync(path, "utf8"));
    const text = specOf(golden);
    const [model] = must(checkText(text)).models.values();
    expect(model && countParameters(model)).toBe(golden.param_count);
  });
});

interface Golden {
  readonly kind: string;
  readonly input: { readonly shape: readonly number[] };
  readonly spec: Readonly<Record<string, number | string | boolean | null | readonly number[]>>;
}

function specOf({ kind, input, spec }: Golden): string {
  const [, channels, height, width] = input.shape;
  const list = (value: unknown) => `[${(value as readonly number[]).join(", ")}]`;
  const kernels = spec.kernel_sizes ?? spec.kernel_size ?? 7;
  return `model m {
    depths ${list(spec.depths)}
    dims ${list(spec.dims)}
    input ${height}x${width}x${channels}
    kernel_size ${Array.isArray(kernels) ? list(kernels) : kernels}
    stem ${spec.stem ?? `patch ${spec.stem_patch ?? 4}`}
    mlp_ratio ${spec.mlp_ratio ?? 4}
    grn ${spec.grn ?? "per_sample"}
    norm_layer ${spec.norm_layer ?? "layernorm"}
    conv_bias ${spec.conv_bias ?? true}
    layer_scale ${spec.layer_scale ? "1e-6" : "none"}
    ${kind === "fcmae" ? `head fcmae { decoder { depth ${spec.decoder_depth} dim ${spec.decoder_embed_dim} } }` : `head classifier { classes ${spec.num_classes} ${spec.hidden_size ? `hidden_size ${spec.hidden_size}` : ""} norm_first ${spec.norm_first ?? false} }`}
  }`;
}
