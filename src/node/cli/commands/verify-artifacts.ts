import { statSync } from "node:fs";
import { error } from "../../../diagnostics/messages.ts";
import { columns } from "../../../verify/report.ts";
import type { Artifacts, CheckedModel } from "../../jobs/artifacts/artifacts.ts";
import { runJob } from "../../jobs/run-job.ts";
import { keptNotes, type Outcome, outcome } from "../../outcome/outcome.ts";
import { manifestName } from "../../output/manifest.ts";

/** Whether `cnxc verify` is given what `compile` wrote, and not a spec. */
export const isArtifact = (given: string): boolean => {
  if (given.endsWith(".onnx")) return true;
  try {
    return statSync(given).isDirectory();
  } catch {
    return false; // whoever reads the spec says what is wrong with it
  }
};

/** Checks a folder or a model without running it; `options` are those that were given, and have no meaning here. */
export async function verifyArtifacts(given: string, options: readonly string[]): Promise<Outcome> {
  if (options.length > 0) {
    const why = `${options.join(", ")} cannot be had here: what compile wrote is checked and not run; leave the option out, or give a spec`;
    return outcome({ diagnostics: [error("usage", null, why)] });
  }
  const report = await runJob("artifacts", [given]);
  if (!report.ok) return outcome({ diagnostics: report.diagnostics });
  const found = report.value;
  return outcome({
    diagnostics: report.diagnostics,
    outputs: found.kept.map(path => ({ path, status: "kept" as const })),
    text: `${columns([["artefact", "answer", "what it holds"], ...rowsOf(found)]).join("\n")}\n`,
    result: { ...found },
    notes: keptNotes(found.kept),
  });
}

function rowsOf({ manifest, models, wrong }: Artifacts): readonly (readonly string[])[] {
  const facts = ({ opset, nodes, initializers, weights }: CheckedModel): string =>
    `opset ${opset}, ${nodes} nodes, ${initializers} initializers, ${weightsIn[weights]}`;
  const rest = wrong.map(path => [path, "wrong", ""]);
  const right = models.filter(({ path }) => !wrong.includes(path)).map(model => [model.path, "right", facts(model)]);
  if (manifest === null) return right;
  const { compiler, files, bytes } = manifest;
  const answer = wrong.length === 0 ? "right" : `${wrong.length} wrong`;
  return [
    [manifestName, answer, `${files} files, ${(bytes / 1e6).toFixed(1)} MB, by cnxc ${compiler}`],
    ...right,
    ...rest,
  ];
}

const weightsIn: Readonly<Record<CheckedModel["weights"], string>> = {
  inside: "weights inside",
  outside: "weights in a file beside it",
  none: "compiled without weights",
};
