export type { Choice, OnnxSource, RunsOn } from "./choose.ts";
export {
  type Classifier,
  type ClassifierOptions,
  type ClassifierParts,
  type Classify,
  type ClassifyOptions,
  createClassifier,
} from "./classifier.ts";
export type { BufferDescriptor, Dispatch, LimitName, ModelDescriptor, Param, Port } from "./descriptor.ts";
export { requestDevice } from "./device.ts";
export { ModelError, type ModelErrorCode } from "./errors.ts";
export { type MaskShape, maskProblem, type RandomMask, randomMask } from "./mask.ts";
export {
  type Aborting,
  createModel,
  type Model,
  type ModelBuilds,
  type ModelOptions,
  type RunOptions,
  type WeightsAddress,
  type WeightsFunction,
  type WeightsSource,
} from "./model.ts";
export type { PictureFit, PreprocessDescriptor } from "./pictures/descriptor.ts";
export type { Picture, RgbaImage } from "./pictures/sources.ts";
export { createPreprocessor, type Preprocessor } from "./preprocess.ts";
export type { OnProgress, Progress } from "./progress.ts";
export { type Classes, type TopClass, topK } from "./top-k.ts";
export { type FetchedWeights, type FetchOptions, fetchWeights } from "./weights/fetch-weights.ts";
