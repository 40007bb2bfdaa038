import { QueueServiceClient, StorageSharedKeyCredential } from "@azure/storage-queue";
import type { Ids } from "../../stores/clock.ts";
import type { WorkQueue } from "../../stores/work-queue.ts";
import { storageRetries } from "../common/retries.ts";
import { isAccountKey, type StorageCredential } from "../common/storage-credential.ts";
import { StorageWorkQueue } from "./storage-work-queue.ts";

interface StorageQueuesOptions {
  /** Of the account's queue service, as `https://account.queue.core.windows.net`. */
  readonly endpoint: string;
  readonly credential: StorageCredential;
  readonly ids: Ids;
}

/** Queues in Azure Storage Queue. Opens no connection yet; a queue is made at its first use. */
export function openStorageQueues({ endpoint, credential, ids }: StorageQueuesOptions): WorkQueue {
  const identity = isAccountKey(credential)
    ? new StorageSharedKeyCredential(credential.accountName, credential.accountKey)
    : credential;
  // The driver retries by itself: it must know which requests are repetitions, and obey its own deadlines.
  const service = new QueueServiceClient(endpoint, identity, { retryOptions: { maxTries: 1 } });
  return new StorageWorkQueue(service, storageRetries(ids));
}
