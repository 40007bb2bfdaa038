import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import { temporaryFolder } from "../../drivers/embedded-fixture.ts";

export const MILLION = "a run of 1,000,000 points is logged, sealed, read whole, sampled and purged in 64 MB";
/** Otherwise V8 lets garbage lie until there is much more of it than there is to keep. */
const COLLECT_EARLY = "--optimize-for-size";
const SCRIPT = join(import.meta.dirname, "million.ts");

/** @param env names the stores; embedded ones when it names none */
export async function livesInSixtyFourMegabytes(env: NodeJS.ProcessEnv = {}): Promise<void> {
  const run = promisify(execFile);
  const options = { env: { ...process.env, ...env } };
  const { stdout } = await run(process.execPath, [COLLECT_EARLY, SCRIPT, temporaryFolder()], options);
  const { log, seal, read, sample, purge, ...rest } = JSON.parse(stdout);
  expect(rest).toEqual({ sealed: 1000, points: 1_000_000, sampled: 320, left: 1 });
  for (const grownMb of [log, seal, read, sample, purge]) expect(grownMb).toBeLessThan(64);
}
