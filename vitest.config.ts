import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/setup/global.mjs",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    // The default leaves a core idle; half of the suites mostly wait for a process of their own.
    maxWorkers: "100%",
  },
});
