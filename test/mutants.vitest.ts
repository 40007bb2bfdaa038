import { globSync, readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

/** Whoever starts a process or a server tests what was built, in which there is no mutant. */
const STARTS_ANOTHER = /startServer|served\(|million-process/;
const inThisProcess = (file: string): boolean => !STARTS_ANOTHER.test(readFileSync(file, "utf8"));

/** For `npm run mutants`: the tests of the rules, from inside and over HTTP, as far as they run in one process. */
export default defineConfig({
  test: {
    include: globSync("test/{domain,http,mlflow}/**/*.test.ts").filter(inThisProcess),
    testTimeout: 30_000,
  },
});
