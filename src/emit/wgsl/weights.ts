import { f16Params, type Plan } from "../../plan/plan.ts";
import { f32Tensor, writeSafetensors } from "../../weights/formats/safetensors.ts";
import { utf8 } from "../../weights/formats/utf8.ts";
import { drawnBy } from "../../weights/made/random.ts";
import { fromF32 } from "../../weights/use/round.ts";
import { withinHalf } from "../../weights/use/within-half.ts";
import type { EmitContext, FileHash, OutputFile } from "../target.ts";

const file = "weights.safetensors";

/**
 * The parameters in the official names, where there are any, and a module that says of that file what a page needs to fetch
 * it: `weights.js`. What kernels keep as f16 need not travel as more; what learns starts from all there is.
 */
export function weightFiles(plan: Plan, context: EmitContext, comment: string): readonly OutputFile[] {
  const { training, newHash, model } = context;
  const given = context.weights ?? (training ? drawnBy(training.recipe, model, plan.params) : null);
  const weights = given && withinHalf(given, f16Params(plan));
  if (weights === null) return [];
  const narrow: ReadonlySet<string> = training ? new Set() : f16Params(plan);
  const metadata = { format: "pt", ...(weights.license === undefined ? {} : { license: weights.license }) };
  const contents = () =>
    writeSafetensors(
      plan.params.map(({ name, shape }) =>
        narrow.has(name)
          ? { name, shape, dtype: "F16", bytes: async () => fromF32.F16(await weights.f32(name)) }
          : f32Tensor(name, shape, () => weights.f32(name)),
      ),
      metadata,
    );
  const module = moduleName(model.name);
  const about = newHash && [
    { path: `${module}.js`, contents: told(contents(), newHash(), comment) },
    { path: `${module}.d.ts`, contents: `${comment}\n${types}` },
  ];
  return [{ path: file, contents: contents() }, ...(about ?? [])];
}

/** A model of that name, in any case, has a module of that name itself. */
const moduleName = (name: string): string => (name.toLowerCase() === "weights" ? "weights_data" : "weights");

/** The file is gone through once for its hash alone: what comes first of the two is nobody's choice here. */
async function* told(contents: AsyncIterable<Uint8Array>, hash: FileHash, comment: string): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const part of contents) {
    hash.update(part);
    bytes += part.length;
  }
  const about = `{ file: "${file}", bytes: ${bytes}, sha256: "${hash.digest()}" }`;
  yield utf8(`${comment}\nexport const weights = ${about};\n`);
}

const types = `/** The file of weights beside this module: its name, its length, and its SHA-256 in hex. */
export declare const weights: { readonly file: string; readonly bytes: number; readonly sha256: string };
`;
