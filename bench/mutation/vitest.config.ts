import { defineConfig } from "vitest/config";

/** Which files run is `scripts/mutation.mjs`'s to say. */
export default defineConfig({
  root: process.cwd(),
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/**/*.targets.test.ts"],
    setupFiles: ["bench/mutation/quick-only.ts"],
    testTimeout: 60_000,
    isolate: false,
  },
});
