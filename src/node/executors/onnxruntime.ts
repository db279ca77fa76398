import { writeFile } from "node:fs/promises";
import * as path from "node:path";
import { emit } from "../../compile.ts";
import { ok, type Result } from "../../diagnostics/diagnostic.ts";
import { onnxTarget } from "../../emit/onnx/onnx.ts";
import { inMemoryContext, type OutputFile } from "../../emit/target.ts";
import { withTempFolder } from "../files/temp-folder.ts";
import type { Prepare } from "./executor.ts";
import { type OnnxSource, openOnnx } from "./onnx.ts";

/** Our ONNX graph in ONNX Runtime, on the CPU. */
export const onnxruntime =
  (half: boolean): Prepare =>
  async ({ model, batch, taps, sites, weights }, use) => {
    const context = { ...inMemoryContext, weights };
    const unit = emit({ model, target: onnxTarget(half), batch: { min: batch, max: batch }, taps, sites, context });
    if (!unit.ok) return unit;
    return withModel(unit.value.files, async source => {
      const session = await openOnnx(source);
      if (!session.ok) return session;
      let warm = false; // the first run takes longer, and is not told of
      try {
        return await use(async inputs => {
          const first = warm ? null : await session.value.run(inputs);
          if (first?.ok === false) return first;
          warm = true;
          const run = await session.value.run(inputs);
          if (!run.ok) return run;
          const { outputs, milliseconds } = run.value;
          return ok({ outputs, on: "ONNX Runtime (CPU)", milliseconds });
        });
      } finally {
        await session.value.close();
      }
    });
  };

/** The model as ONNX Runtime takes it: in a folder of its own while it is in use, since it may be larger than a buffer. */
const withModel = <T>(
  files: readonly OutputFile[],
  use: (source: OnnxSource) => Promise<Result<T>>,
): Promise<Result<T>> =>
  withTempFolder(async folder => {
    for (const { path: name, contents } of files)
      await writeFile(path.join(folder, path.posix.basename(name)), contents, { flag: "wx" });
    return await use({ file: path.join(folder, path.posix.basename(files[0]?.path ?? "")) });
  });
