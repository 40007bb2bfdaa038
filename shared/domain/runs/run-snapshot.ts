import { findExperiment } from "../experiments.ts";
import { SNAPSHOT_QUEUE } from "../queues.ts";
import { MAX_SNAPSHOT_BYTES, runsSnapshotBlob } from "../search/snapshot-blob.ts";
import type { Workspace } from "../workspace.ts";
import { openRunIndex, type RunIndex } from "./run-index.ts";
import { runsScope } from "./runs.ts";

/** With fewer changes behind a snapshot, or without one, starting anew takes no time worth saving. */
const WORTHWHILE_CHANGES = 2000;
const WORTHWHILE_SHARE = 1 / 5;
const ONCE_IN_MS = 60_000;

/** Asks for a snapshot of the table of an experiment's runs. Losing the message loses nothing. */
export async function requestRunSnapshot(workspace: Workspace, experimentId: string): Promise<void> {
  await SNAPSHOT_QUEUE.send(workspace, { workspaceId: workspace.id, experimentId });
}

/**
 * Asks for a snapshot when much has changed since this process saw or asked for one; at most once a minute for each table. The search that found
 * this out does not wait for the queue, and does not fail of it.
 */
export function offerRunSnapshot(workspace: Workspace, experimentId: string, index: RunIndex): void {
  const enough = Math.max(WORTHWHILE_CHANGES, index.table.size * WORTHWHILE_SHARE);
  if (index.unsaved <= enough || index.bytes > MAX_SNAPSHOT_BYTES) return;
  const { memory, clock } = workspace;
  if (!memory.asked.isDue(clock, `snapshot/${runsScope(workspace, experimentId)}`, ONCE_IN_MS)) return;
  const asked = () => {
    index.unsaved = 0;
  };
  requestRunSnapshot(workspace, experimentId).then(asked, () => {
    // The next search after a minute asks again.
  });
}

/**
 * Writes the snapshot blob from which cold instances start. May run anywhere, at any time, twice, beside itself: each blob is whole, the last one
 * wins, and an old one is brought up to date by whoever starts from it.
 * @returns whether it was written; false when there is no such experiment, or another instance has just done it
 */
export async function writeRunSnapshot(workspace: Workspace, experimentId: string): Promise<boolean> {
  const { blobs } = workspace.stores;
  const blob = runsSnapshotBlob(workspace, experimentId);
  const existing = await blobs.head(blob);
  if (existing && Math.abs(workspace.clock.now() - existing.lastModifiedMs) < ONCE_IN_MS) return false;
  const index = await openRunIndex(workspace, experimentId);
  if (!(await findExperiment(workspace, experimentId))) return false;
  await index.save((chunks) => blobs.put(blob, chunks));
  return true;
}

/** Asks for a snapshot without what was just purged, where there is one with it. */
export async function renewRunSnapshot(workspace: Workspace, experimentId: string): Promise<void> {
  const existing = await workspace.stores.blobs.head(runsSnapshotBlob(workspace, experimentId));
  if (existing) await requestRunSnapshot(workspace, experimentId);
}
