import type { BlobStore } from "./blob-store.ts";
import type { DocumentStore } from "./document-store.ts";
import type { SecretStore } from "./secret-store.ts";
import type { WorkQueue } from "./work-queue.ts";

/** The containers of documents: what is in which, docs/architecture.md "Where data lives". */
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
