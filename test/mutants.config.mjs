/**
 * npm run mutants [-- --mutate shared/domain/validation.ts]: changes the rules one place at a time, and tells which changes no test notices. What it
 * asks for, and what was scored, stands in test/README.md.
 * @type {import("@stryker-mutator/api/core").PartialStrykerOptions}
 */
export default {
  mutate: ["shared/domain/**/*.ts"],
  testRunner: "vitest",
  plugins: ["@stryker-mutator/vitest-runner"],
  vitest: { configFile: "test/mutants.vitest.ts", pool: "forks" },
  coverageAnalysis: "perTest",
  dryRunTimeoutMinutes: 60,
  // What is computed once, while a module loads, needs all tests again for each change: a table's words, mostly.
  ignoreStatic: true,
  // One that is not there: Stryker would rewrite ours through TypeScript's old programming interface, which TypeScript 7 does not have.
  tsconfigFile: "none.json",
  tempDirName: ".cache/mutants",
  cleanTempDir: "always",
  ignorePatterns: ["/.cache", "/.cairn", "/dist", "/out", "/bench", "target"],
  reporters: ["clear-text", "progress", "html"],
  htmlReporter: { fileName: "out/mutants.html" },
  clearTextReporter: { allowColor: false, allowEmojis: false, logTests: false, reportTests: false },
};
