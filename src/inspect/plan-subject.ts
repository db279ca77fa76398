import { type Observer, type Planned, plan } from "../compile.ts";
import type { Result } from "../diagnostics/diagnostic.ts";
import { kernelTarget } from "../emit/kernel-targets.ts";
import { defaultProfile, type Subject } from "./subject.ts";

/** The graph and the plan of what is looked into. */
export const planSubject = ({ target, dtype, ...subject }: Subject, observer: Observer = {}): Result<Planned> =>
  plan({ ...subject, target: kernelTarget(defaultProfile[target], dtype) }, observer);
