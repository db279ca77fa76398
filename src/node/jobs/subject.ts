import type { Precision } from "../../model/model.ts";
import type { ExecutorName } from "../executors/executors.ts";

/** An executor, and how it stores and multiplies. */
export interface Subject {
  readonly executor: ExecutorName;
  readonly form: Precision;
}

export const subjectName = ({ executor, form }: Subject): string => `${executor} ${form}`;
