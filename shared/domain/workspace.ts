import type { BlobStore } from "../stores/blob-store.ts";
import type { Clock, Ids } from "../stores/clock.ts";
import type { DocumentStore } from "../stores/document-store.ts";
import type { SecretStore } from "../stores/secret-store.ts";
import type { WorkQueue } from "../stores/work-queue.ts";
import type { Memory } from "./memory.ts";

/** The containers of documents: what is in which, DESIGN "Where data lives". */
export interface Documents {
  /** Partition: workspace id and run or logged model id. */
  readonly runs: DocumentStore;
  /** Partition: workspace id; and one partition of all workspaces. */
  readonly catalog: DocumentStore;
  /** Partition: workspace id and day. */
  readonly events: DocumentStore;
}

/** The containers of blobs; in each, a workspace's lie under its id. A deployment makes them, and they go with the workspace. */
export const BLOB_CONTAINERS = ["artifacts", "uploads", "values", "metrics", "search"] as const;

export interface Stores {
  readonly documents: Documents;
  readonly blobs: BlobStore;
  readonly queue: WorkQueue;
  /** Undefined: the deployment has none. */
  readonly secrets: SecretStore | undefined;
}

/** Everything a rule needs besides its arguments: one workspace, its stores, the clock. Its id is the first part of every partition. */
export interface Workspace {
  readonly id: string;
  readonly name: string;
  readonly stores: Stores;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly memory: Memory;
}

export function runsPartition(workspace: Workspace, id: string): string {
  return `${workspace.id}/${id}`;
}
