import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { formatSpec } from "../../src/syntax/format.ts";
import { specNames } from "../support/specs.ts";
import { checkFiles, filesOf, must, sourceOfText } from "./support.ts";

/** What a spec has looked like from the first: these are accepted as they stand, and are how the formatter writes them. */
const examples = {
  model: `// ConvNeXt V2 Atto, the smallest published size.
model atto {
  depths [2, 2, 6, 2]
  dims   [40, 80, 160, 320]
  input  224x224x3
  head   classifier { classes 1000 }
}
`,
  inheritance: `import "convnextv2.cnx"   // declares atto … huge

model atto_384 extends atto {
  input 384x384x3
}
`,
  heads: `import "convnextv2.cnx"

model atto_features extends atto {
  head features { levels [1, 2, 3, 4]  norm false }
}

model atto_fcmae extends atto {
  head fcmae {
    mask_ratio    0.6
    patch_size    32
    decoder       { depth 1  dim 512 }
    norm_pix_loss true
  }
}
`,
  sweep: `import "convnextv2.cnx"

sweep around_atto extends atto {
  dims[0]   in [32, 40, 48]
  depths[2] in 4..8 step 2
  require params <= 6M
  require macs   <= 0.9G
}
`,
  build: `import "fcmae.cnx"         // declares atto_fcmae; imports convnextv2.cnx

build web {
  models [atto, atto_fcmae]
  target wgsl
  dtype  f16
  batch  1..8
}
`,
} as const;

const specs = Object.fromEntries(specNames.map(name => [name, readFileSync(`specs/${name}`)]));

test.each(Object.entries(examples))("%s", (_name, text) => {
  must(checkFiles(filesOf({ ...specs, "input.cnx": text })));
  expect(must(formatSpec(sourceOfText(text)))).toBe(text);
});
