import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../drivers/embedded-fixture.ts";

/** Otherwise V8 lets garbage lie until there is much more of it than there is to keep. */
const COLLECT_EARLY = "--optimize-for-size";

test("a run of 1,000,000 points is logged, sealed, read whole, sampled and purged in 64 MB", {
  timeout: 120_000,
}, async () => {
  const script = join(import.meta.dirname, "million.ts");
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [COLLECT_EARLY, script, temporaryFolder()]);
  const { log, seal, read, sample, purge, ...rest } = JSON.parse(stdout);
  expect(rest).toEqual({ sealed: 1000, points: 1_000_000, sampled: 320, left: 1 });
  for (const grownMb of [log, seal, read, sample, purge]) expect(grownMb).toBeLessThan(64);
});
