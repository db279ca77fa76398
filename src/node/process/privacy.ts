/**
 * ONNX Runtime's packages for Linux and macOS send events to their makers, and keep an id for that in the user's cache
 * folder, unless this stands in the environment of the process before the library is loaded. A thread's copy of the
 * environment is not it, so the main thread says it first of all; processes that we start inherit it.
 */
export const keepToOurselves = (): void => {
  process.env.ORT_DISABLE_TELEMETRY = "1";
};
