/** Numbers of types in onnx.proto, as the attribute of a Cast holds them. */
export const castTo = { f32: 1, i64: 7, bool: 9, f16: 10 } as const;

/** Types of floats that weights and activations may have. */
export const floatDTypes = ["f32", "f16"] as const;
export type FloatType = (typeof floatDTypes)[number];
