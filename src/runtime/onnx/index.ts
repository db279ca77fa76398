export type { Choice, OnnxSource, RunsOn } from "../choose.ts";
export { fitPictures } from "./fit-pictures.ts";
export { type ModelModule, type OpenModel, openModel } from "./open-model.ts";
export { type OnnxOptions, openOnnx } from "./session.ts";
