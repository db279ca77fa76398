/** A model's preprocessing: its WGSL, and the input that it fits images into. */
export interface PreprocessDescriptor {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** 3 where it is left out. */
  readonly channels?: number;
  readonly code: string;
  /** What the code does, for where there is no GPU. */
  readonly fit?: PictureFit;
}

/** A spec's `preprocess`, all of it said. */
export interface PictureFit {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly bands: readonly number[] | null;
  readonly resize: { readonly mode: "cover" | "squash"; readonly width: number; readonly height: number };
  readonly interpolation: string;
}
