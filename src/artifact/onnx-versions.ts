import type { FilePlace } from "../diagnostics/diagnostic.ts";
import { Failure } from "../diagnostics/failure.ts";
import { quoted } from "../diagnostics/messages/quoted.ts";
import { error } from "../diagnostics/messages.ts";
import { irVersions } from "../emit/onnx/onnx.ts";
import type { Message } from "./onnx-messages.ts";

/** The domain of ONNX's own operators, and the other name that it has. */
export const standardDomains: readonly string[] = ["", "ai.onnx"];

/** The opset of a model that has one cnxc writes, in the IR version that it writes with it. */
export function checkVersions({ irVersion, opsets }: Message<"model">, place: (at: number) => FilePlace): number {
  const known = Object.keys(irVersions).join(" and ");
  const [opset, second] = opsets;
  const foreign = opsets.find(({ domain }) => !standardDomains.includes(domain ?? ""));
  if (foreign)
    throw new Failure(
      error("onnx-graph", place(foreign.at), `it imports operators of ${quoted(foreign.domain ?? "")}`),
    );
  if (second) throw new Failure(error("onnx-version", place(second.at), "two opsets of one domain", "files with one"));
  const version = opset?.version ?? 0;
  if (!Object.hasOwn(irVersions, version))
    throw new Failure(error("onnx-version", place(opset?.at ?? 0), `opset ${version}`, `opsets ${known}`));
  const ir = irVersions[version as keyof typeof irVersions];
  if (irVersion !== ir)
    throw new Failure(error("onnx-version", place(0), `IR version ${irVersion ?? 0}`, `${ir} with opset ${version}`));
  return version;
}
