import type { InvocationContext, TimerHandler } from "@azure/functions";
import { handleMessage, type MessageHandler } from "../shared/domain/handle-message.ts";
import type { MessageQueue } from "../shared/domain/message-queue.ts";
import { foldAndSeal, seal } from "../shared/domain/metrics/seal.ts";
import { handlePurge } from "../shared/domain/purge/background.ts";
import type { FoldMessage, PurgeMessage, SealMessage, SnapshotMessage } from "../shared/domain/queues.ts";
import { writeRunSnapshot } from "../shared/domain/runs/run-snapshot.ts";
import { watchAll } from "../shared/domain/watchers.ts";
import { workspaceOfId } from "../shared/domain/workspaces.ts";
import { services } from "../shared/services.ts";
import { logFault } from "./faults.ts";

/*
 * What happens outside requests. A message only says what to look at.
 */

export const foldMetrics: MessageHandler<FoldMessage> = {
  handle: (realm, { workspaceId, recordId }) => foldAndSeal(workspaceOfId(realm, workspaceId), recordId),
};

export const sealMetrics: MessageHandler<SealMessage> = {
  handle: async (realm, { workspaceId, recordId }) => void (await seal(workspaceOfId(realm, workspaceId), recordId)),
};

export const writeSnapshot: MessageHandler<SnapshotMessage> = {
  handle: async (realm, { workspaceId, experimentId }) =>
    void (await writeRunSnapshot(workspaceOfId(realm, workspaceId), experimentId)),
};

export const purge: MessageHandler<PurgeMessage> = { handle: handlePurge };

/** Handles a message of a queue, and logs why it failed for good. */
export async function receive<M>(
  queue: MessageQueue<M>,
  handler: MessageHandler<M>,
  sent: unknown,
  context: InvocationContext,
): Promise<void> {
  const failed = await handleMessage((await services()).realm, queue, handler, sent);
  if (failed) logFault(context, failed);
}

/** Takes up what no message looks after. */
export const watch: TimerHandler = async (_, context) => {
  const { realm, config } = await services();
  await watchAll(realm, { retentionDays: config.retentionDays, tell: (line) => context.log(line) });
};
