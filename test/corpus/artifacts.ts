import type { ArtifactRow } from "./artifacts-build.ts";
import { artifactOnnxRows } from "./artifacts-onnx.ts";
import { artifactTreeRows } from "./artifacts-tree.ts";

/** Artefacts on disk and the outcome that checking them must give: group O of the list of bad inputs. */
export const artifactCorpus: readonly ArtifactRow[] = [...artifactTreeRows, ...artifactOnnxRows];
