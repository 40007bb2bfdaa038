import type { StorageQueueHandler, TimerHandler } from "@azure/functions";
import type { FoldMessage } from "../shared/domain/metrics/fold.ts";
import { foldAndSeal, type SealMessage, seal } from "../shared/domain/metrics/seal.ts";
import { handlePurge, watchPurges } from "../shared/domain/purge/background.ts";
import type { PurgeMessage } from "../shared/domain/purge/messages.ts";
import { type SnapshotMessage, writeRunSnapshot } from "../shared/domain/runs/run-snapshot.ts";
import { sweepUploads } from "../shared/domain/uploads.ts";
import { workspaceOfId } from "../shared/domain/workspaces.ts";
import { services } from "../shared/services.ts";

/*
 * What happens outside requests. A message only says what to look at.
 */

export const foldMetrics: StorageQueueHandler = async (message) => {
  const { workspaceId, recordId } = message as FoldMessage;
  await foldAndSeal(workspaceOfId((await services()).realm, workspaceId), recordId);
};

export const sealMetrics: StorageQueueHandler = async (message) => {
  const { workspaceId, recordId } = message as SealMessage;
  await seal(workspaceOfId((await services()).realm, workspaceId), recordId);
};

export const writeSnapshot: StorageQueueHandler = async (message) => {
  const { workspaceId, experimentId } = message as SnapshotMessage;
  await writeRunSnapshot(workspaceOfId((await services()).realm, workspaceId), experimentId);
};

export const purge: StorageQueueHandler = async (message) =>
  handlePurge((await services()).realm, message as PurgeMessage);

/** Takes up what no message looks after. */
export const watch: TimerHandler = async (_, context) => {
  const { realm, config } = await services();
  await Promise.all([watchPurges(realm, config.retentionDays, (line) => context.log(line)), sweepUploads(realm)]);
};
