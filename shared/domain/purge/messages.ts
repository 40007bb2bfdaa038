import type { WorkQueue } from "../../stores/work-queue.ts";
import { PURGE_QUEUE } from "../queues.ts";

/** "Look at this purge": what is to be done stands in documents. */
export type PurgeMessage =
  | { readonly kind: "run" | "model" | "experiment"; readonly workspaceId: string; readonly id: string }
  | { readonly kind: "workspace"; readonly workspaceId: string };

/** @param delaySeconds for the second sweep, which finds what late writers left */
export async function requestPurge(
  { stores }: { readonly stores: { readonly queue: WorkQueue } },
  message: PurgeMessage,
  delaySeconds = 0,
): Promise<void> {
  await stores.queue.send(PURGE_QUEUE, JSON.stringify(message), delaySeconds);
}
