import { messageQueue } from "./message-queue.ts";

/*
 * What the domain asks to have looked at later: a queue's name and what its messages say. Who handles them: functions/queues.ts.
 */

/** "Fold the points of this run or logged model", and seal them where that is worth while. */
export interface FoldMessage {
  readonly workspaceId: string;
  readonly recordId: string;
}

export const FOLD_QUEUE = messageQueue<FoldMessage>("metrics-fold", ({ id }) => ({
  workspaceId: id("workspaceId"),
  recordId: id("recordId"),
}));

/** "Seal the points of this run, which has grown long." */
export interface SealMessage {
  readonly workspaceId: string;
  readonly recordId: string;
}

export const SEAL_QUEUE = messageQueue<SealMessage>("metrics-seal", ({ id }) => ({
  workspaceId: id("workspaceId"),
  recordId: id("recordId"),
}));

/** "Write the table of this experiment's runs anew." */
export interface SnapshotMessage {
  readonly workspaceId: string;
  readonly experimentId: string;
}

export const SNAPSHOT_QUEUE = messageQueue<SnapshotMessage>("search-snapshot", ({ id }) => ({
  workspaceId: id("workspaceId"),
  experimentId: id("experimentId"),
}));

/** "Look at this purge": what is to be done stands in documents. */
export type PurgeMessage =
  | { readonly kind: "run" | "model" | "experiment"; readonly workspaceId: string; readonly id: string }
  | { readonly kind: "workspace"; readonly workspaceId: string };

export const PURGE_QUEUE = messageQueue<PurgeMessage>("purge", ({ id, oneOf }) => {
  const kind = oneOf("kind", ["run", "model", "experiment", "workspace"]);
  const workspaceId = id("workspaceId");
  return kind === "workspace" ? { kind, workspaceId } : { kind, workspaceId, id: id("id") };
});
