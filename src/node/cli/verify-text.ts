import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { shown } from "../../diagnostics/escape.ts";
import { quoted } from "../../diagnostics/messages/quoted.ts";
import { error, withNote } from "../../diagnostics/messages.ts";
import { answerOf, type Comparison } from "../../verify/compare.ts";
import type { ReportContent } from "../../verify/report.ts";
import { subjectName } from "../jobs/subject.ts";
import type { Verification } from "../jobs/verify.ts";

/** Who is off, from what, and where first: the reference beside what was recorded, then each executor beside both. */
export function disagreeing({ recorded, verdicts }: Verification): readonly Diagnostic[] {
  const { file = "", limit = 0, reference } = recorded ?? {};
  const own = sentence("the float64 reference", shown(file), limit, [reference]);
  const first = own === null ? [] : [withNote(error("mismatch", null, own), unsaid)];
  const others = verdicts.flatMap(({ whole, each, recorded, ...verdict }) => {
    const name = subjectName(verdict);
    return [
      sentence(name, null, verdict.limit, [each, whole]) ?? [],
      sentence(name, shown(file), verdict.limit, [recorded]) ?? [],
    ].flat();
  });
  return [...first, ...others.map(text => error("mismatch", null, text))];
}

const unsaid =
  "weights do not say activation, norm_eps or what was done to the image: see that the spec and --input are those of what was recorded";

function sentence(
  name: string,
  file: string | null,
  limit: number,
  compared: readonly (Comparison | null | undefined)[],
): string | null {
  const comparisons = compared.flatMap(one => one ?? []);
  const [first] = comparisons.flatMap(({ first }) => first ?? []);
  if (first === undefined) return null;
  const off = first.relL2.toExponential(1);
  if (answerOf(comparisons) === "NaN in both")
    return `${name} and ${file ?? "the float64 reference"} both have NaN in ${quoted(first.name)}, which is no answer`;
  return `${name} leaves ${file ?? "tolerance"} at ${quoted(first.name)}: ${off} off, more than ${limit}`;
}

/** As a report shows it; `unable` says who stores nothing of what was asked. */
export const contentOf = (found: Verification, unable: readonly string[]): ReportContent => ({
  title: `${found.model}, verified`,
  facts: [
    ["model", found.model],
    ["batch", `${found.batch}`],
    ["weights", found.weights],
    ["modules compared", found.modules],
  ],
  judged: found.verdicts.map(verdict => ({ ...verdict, name: subjectName(verdict) })),
  recorded: found.recorded,
  skipped: [...found.skipped, ...unable],
});
