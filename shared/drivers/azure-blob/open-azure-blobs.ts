import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import type { BlobStore } from "../../stores/blob-store.ts";
import type { Clock, Ids } from "../../stores/clock.ts";
import { storageRetries } from "../common/retries.ts";
import { isAccountKey, type StorageCredential } from "../common/storage-credential.ts";
import { AzureBlobStore } from "./azure-blob-store.ts";
import { blobSigner } from "./blob-signer.ts";
import { Containers } from "./containers.ts";

interface AzureBlobsOptions {
  /** Of the account's blob service, as `https://account.blob.core.windows.net`. */
  readonly endpoint: string;
  readonly credential: StorageCredential;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Whether a container is made when something is first written into it. Default: a missing container is an error. */
  readonly createContainers?: boolean;
}

/**
 * Blobs in Azure Blob Storage; the first segment of a name is the container. Opens no connection yet. URLs are signed with a user
 * delegation key, which needs the role Storage Blob Delegator or Storage Blob Data Contributor on the account.
 */
export function openAzureBlobs({ endpoint, credential, clock, ids, createContainers }: AzureBlobsOptions): BlobStore {
  const identity = isAccountKey(credential)
    ? new StorageSharedKeyCredential(credential.accountName, credential.accountKey)
    : credential;
  // The driver retries by itself: it must know which requests are repetitions, and obey its own deadlines.
  const service = new BlobServiceClient(endpoint, identity, { retryOptions: { maxTries: 1 } });
  const containers = new Containers(service, createContainers ?? false);
  const retry = storageRetries(ids);
  return new AzureBlobStore(containers, retry, blobSigner(service, credential, clock, retry), clock, ids);
}
