/** What runs in a thread of its own: long, synchronous work, so that the main thread hears signals meanwhile. */
export const jobs = {
  compile: async () => (await import("./compile.ts")).compileWhole,
  verify: async () => (await import("./verify.ts")).verify,
  artifacts: async () => (await import("./artifacts/artifacts.ts")).artifacts,
  differential: async () => (await import("./differential.ts")).differential,
  run: async () => (await import("./run.ts")).run,
  classify: async () => (await import("./classify/classify.ts")).classify,
  reconstruct: async () => (await import("./reconstruct.ts")).reconstruct,
  info: async () => (await import("./info.ts")).info,
  trainingInfo: async () => (await import("./info-training.ts")).trainingInfo,
  inspect: async () => (await import("./inspect.ts")).inspectModel,
  check: async () => (await import("./check.ts")).check,
  fmt: async () => (await import("./fmt.ts")).fmt,
} as const;

export type JobName = keyof typeof jobs;
export type Job<K extends JobName> = Awaited<ReturnType<(typeof jobs)[K]>>;
