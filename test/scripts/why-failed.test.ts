import { execFileSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");
const MODULE = pathToFileURL(join(ROOT, "scripts", "lib", "cache.mjs")).href;
const LOG = join(ROOT, ".cache", "why-failed-test.log");

function told(code: number, output: string): string {
  const script = `
    const { whyFailed } = await import(${JSON.stringify(MODULE)});
    process.stdout.write(whyFailed("why-failed-test", { code: Number(process.argv[1]), output: process.argv[2] }));`;
  const args = ["--input-type=module", "-e", script, String(code), output];
  return execFileSync(process.execPath, args, { encoding: "utf8" });
}

afterAll(() => rmSync(LOG, { force: true }));

test.each([
  [
    1,
    "WARNING: Retrying (Retry(total=4)) after connection broken\nERROR: No matching distribution found for mlflow==3.17.2\n\n[notice] A new release of pip\n",
    "ERROR: No matching distribution found for mlflow==3.17.2",
  ],
  [101, "   Compiling a\nerror: could not compile `b`\n", "error: could not compile `b`"],
  [2, "something else\n", "something else"],
  [127, "", "exit code 127"],
  [1, `Error ${"x".repeat(5_000)}`, `Error ${"x".repeat(194)}`],
])("why a suite is skipped is told in one line, and where the rest is (exit code %i)", (code, output, why) => {
  expect(told(code, output)).toBe(`${why} (all of it: ${LOG})`);
  expect(readFileSync(LOG, "utf8")).toBe(output);
});
