import { configDefaults, defineConfig } from "vitest/config";

/** Whole matrices on emulators, many kills, browsers: `npm test -- --all` runs them, as `.ci/run` does. */
const LONG = [
  "test/clients/mlflow-2-azure.test.ts",
  "test/clients/mlflow-3-azure.test.ts",
  "test/clients/schemathesis.test.ts",
  "test/drivers/azure-blobs-tokens.test.ts",
  "test/e2e/azure-kill-nine.test.ts",
  "test/package/conformance.test.ts",
  "test/package/managed-identity.test.ts",
  "test/page/**/*.test.ts",
];
const runsLong = process.env.CAIRN_TESTS === "all";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...(runsLong ? [] : LONG)],
    globalSetup: "test/setup/global.mjs",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    // The default leaves a core idle; half of the suites mostly wait for a process of their own.
    maxWorkers: "100%",
  },
});
