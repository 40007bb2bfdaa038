import { join } from "node:path";
import { Memory } from "../../shared/domain/memory.ts";
import { SETTLED_AFTER_MS } from "../../shared/domain/metrics/fold.ts";
import { foldAndSeal, seal } from "../../shared/domain/metrics/seal.ts";
import { logMetric } from "../../shared/domain/runs/log.ts";
import { createRun, updateRun } from "../../shared/domain/runs/runs.ts";
import type { Workspace } from "../../shared/domain/workspace.ts";
import { openWorkspace } from "../../shared/domain/workspaces.ts";
import { openEmbedded } from "../../shared/drivers/embedded/open-embedded.ts";
import { machineIds } from "../../shared/drivers/machine.ts";

const RESUMED_EVERY_MS = 300_000;
const CALLS = 20;

/** Days of logging in a minute: a clock of its own that ends now. */
class PastClock {
  private nowMs: number;

  constructor(agoMs: number) {
    this.nowMs = Date.now() - agoMs;
  }

  now(): number {
    return this.nowMs;
  }

  elapsed(): number {
    return this.nowMs;
  }

  pass(milliseconds: number): void {
    this.nowMs += milliseconds;
  }
}

/** Runs that take days to log, written into the data folder of a server that does not run. Each has one metric `loss`. */
export async function writeLongRuns(
  serverFolder: string,
  times: number,
): Promise<{ resumed: string; watched: string }> {
  const clock = new PastClock(2 * times * RESUMED_EVERY_MS);
  const folder = join(serverFolder, "data");
  const stores = openEmbedded({ folder, clock, baseUrl: () => "http://127.0.0.1:1" });
  try {
    const realm = { stores, clock, ids: machineIds, memory: new Memory() };
    const workspace = await openWorkspace(realm, "default");
    return { resumed: await resumed(workspace, clock, times), watched: await watched(workspace, clock, times) };
  } finally {
    await stores.close();
  }
}

/** A job that goes on with its run every five minutes, and ends it each time. */
async function resumed(workspace: Workspace, clock: PastClock, times: number): Promise<string> {
  const runId = await newRun(workspace);
  for (let time = 0; time < times; time++) {
    await updateRun(workspace, runId, { status: "RUNNING" });
    await logCalls(workspace, clock, runId, time * CALLS);
    await updateRun(workspace, runId, { status: "FINISHED", endMs: clock.now() });
    clock.pass(SETTLED_AFTER_MS + 1_000);
    await foldAndSeal(workspace, runId);
    clock.pass(RESUMED_EVERY_MS - SETTLED_AFTER_MS);
  }
  return runId;
}

/** A run that is looked at while it logs, and sealed whenever it has grown long. */
async function watched(workspace: Workspace, clock: PastClock, times: number): Promise<string> {
  const runId = await newRun(workspace);
  for (let time = 0; time < times; time++) {
    await logCalls(workspace, clock, runId, time * CALLS);
    clock.pass(SETTLED_AFTER_MS + 1_000);
    await seal(workspace, runId);
  }
  return runId;
}

async function newRun(workspace: Workspace): Promise<string> {
  const run = await createRun(workspace, { experimentId: "0", userId: "bench", tags: [] });
  return run.view.attributes.runId;
}

async function logCalls(workspace: Workspace, clock: PastClock, runId: string, from: number): Promise<void> {
  for (let step = from; step < from + CALLS; step++) {
    clock.pass(10);
    await logMetric(workspace, runId, { key: "loss", value: Math.sin(step), timestamp: clock.now(), step });
  }
}
