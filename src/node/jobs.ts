/** What runs in a thread of its own: long, synchronous work, so that the main thread hears signals meanwhile. */
export const jobs = {
  compile: async () => (await import("./jobs/compile.ts")).compileWhole,
  verify: async () => (await import("./jobs/verify.ts")).verify,
  artifacts: async () => (await import("./jobs/artifacts.ts")).artifacts,
  differential: async () => (await import("./jobs/differential.ts")).differential,
  run: async () => (await import("./jobs/run.ts")).run,
  classify: async () => (await import("./jobs/classify.ts")).classify,
  reconstruct: async () => (await import("./jobs/reconstruct.ts")).reconstruct,
  info: async () => (await import("./jobs/info.ts")).info,
  inspect: async () => (await import("./jobs/inspect.ts")).inspectModel,
  check: async () => (await import("./jobs/check.ts")).check,
  fmt: async () => (await import("./jobs/fmt.ts")).fmt,
} as const;

export type JobName = keyof typeof jobs;
export type Job<K extends JobName> = Awaited<ReturnType<(typeof jobs)[K]>>;
