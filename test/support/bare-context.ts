/** What an emitter may know besides the plan, where a test does not care. */
export const bareContext = {
  weights: null,
  specHash: "",
  specName: "",
  version: "",
  onnx: { opset: 20, layout: "plain" },
} as const;
