export type { Optimizer, OptimizerKernel, RecipeDescriptor, TrainerDescriptor } from "../descriptor.ts";
export {
  createModelTrainer as createTrainer,
  type Learnable,
  type ModelTrainer as Trainer,
  type ModelTrainerOptions as TrainerOptions,
  type Stepped,
  type UpdateOptions,
} from "./model-trainer.ts";
export type { Updated } from "./optimizer.ts";
export type { SavedState, StateTensor } from "./training-state.ts";
