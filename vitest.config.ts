import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Dawn and the fault tests start child processes; a slow shared machine must not fail them.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
    // One fewer than there are cores is one of two: most files wait for a child that has one thread.
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
});
