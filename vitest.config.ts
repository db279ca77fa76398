import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Dawn and the fault tests start child processes; a slow shared machine must not fail them.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
  },
});
