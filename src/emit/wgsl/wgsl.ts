import { foldingPasses, groupingPasses } from "../../passes/all.ts";
import { loweredOps } from "../target.ts";

/** What the WGSL target does to a graph before it is scheduled. */
export const wgslPasses = { passes: [...foldingPasses, ...groupingPasses], legal: loweredOps } as const;
