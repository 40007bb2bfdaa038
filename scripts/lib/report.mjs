import { readFileSync } from "node:fs";

/**
 * `unexplained`: how many of the skipped do not say in their title why no machine can run them.
 * @typedef {{ passed: number, failed: number, skipped: number, unexplained?: number }} Counts
 */

/** What a service or its emulator cannot show is skipped by name, with the reason. */
const EXPLAINED = /\[unsupported: .+\]/;

/**
 * Counts vitest's JSON report. A file that could not be loaded has no tests and counts as one failure, and so does a
 * run that ended badly without any failed test (an unhandled error) or without a report.
 * @param {string} file
 * @param {number} exitCode vitest's
 * @returns {Counts}
 */
export function countVitest(file, exitCode) {
  const report = readReport(file);
  if (!report) return { passed: 0, failed: 1, skipped: 0 };
  const brokenFiles = report.testResults.filter((it) => it.status === "failed" && it.assertionResults.length === 0);
  const failed = report.numFailedTests + brokenFiles.length;
  const skipped = report.testResults.flatMap((it) => it.assertionResults).filter(isSkipped);
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: skipped.length,
    unexplained: skipped.filter((it) => !EXPLAINED.test(it.fullName)).length,
  };
}

const isSkipped = ({ status }) => status !== "passed" && status !== "failed";

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** @param {Counts[]} parts */
export const sum = (parts) => ({
  passed: parts.reduce((total, part) => total + part.passed, 0),
  failed: parts.reduce((total, part) => total + part.failed, 0),
  skipped: parts.reduce((total, part) => total + part.skipped, 0),
  unexplained: parts.reduce((total, part) => total + (part.unexplained ?? part.skipped), 0),
});

/**
 * The last line of a test run.
 * @param {Counts} counts
 */
export function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
