import { app } from "@azure/functions";
import type { FoldMessage } from "../shared/domain/metrics/fold.ts";
import { foldAndSeal, type SealMessage, seal } from "../shared/domain/metrics/seal.ts";
import { handlePurge, watchPurges } from "../shared/domain/purge/background.ts";
import type { PurgeMessage } from "../shared/domain/purge/messages.ts";
import { FOLD_QUEUE, PURGE_QUEUE, SEAL_QUEUE, SNAPSHOT_QUEUE } from "../shared/domain/queues.ts";
import { type SnapshotMessage, writeRunSnapshot } from "../shared/domain/runs/run-snapshot.ts";
import { workspaceOfId } from "../shared/domain/workspaces.ts";
import { services } from "../shared/services.ts";

/** What happens outside requests: queues and timers. A message only says what to look at. */
export function registerBackground(): void {
  app.storageQueue("metrics-fold", {
    queueName: FOLD_QUEUE,
    connection: "AzureWebJobsStorage",
    handler: async (message) => {
      const { workspaceId, recordId } = message as FoldMessage;
      const workspace = workspaceOfId((await services()).realm, workspaceId);
      await foldAndSeal(workspace, recordId);
    },
  });
  app.storageQueue("metrics-seal", {
    queueName: SEAL_QUEUE,
    connection: "AzureWebJobsStorage",
    handler: async (message) => {
      const { workspaceId, recordId } = message as SealMessage;
      await seal(workspaceOfId((await services()).realm, workspaceId), recordId);
    },
  });
  app.storageQueue("search-snapshot", {
    queueName: SNAPSHOT_QUEUE,
    connection: "AzureWebJobsStorage",
    handler: async (message) => {
      const { workspaceId, experimentId } = message as SnapshotMessage;
      await writeRunSnapshot(workspaceOfId((await services()).realm, workspaceId), experimentId);
    },
  });
  app.storageQueue("purge", {
    queueName: PURGE_QUEUE,
    connection: "AzureWebJobsStorage",
    handler: async (message) => handlePurge((await services()).realm, message as PurgeMessage),
  });
  app.timer("watchdog", {
    schedule: "0 */15 * * * *",
    handler: async () => {
      const { realm, config } = await services();
      await watchPurges(realm, config.retentionDays);
    },
  });
}
