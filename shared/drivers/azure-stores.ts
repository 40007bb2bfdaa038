import type { AzureStores } from "../config.ts";
import type { Clock, Ids } from "../stores/clock.ts";
import type { SecretStore } from "../stores/secret-store.ts";
import type { Stores } from "../stores/stores.ts";
import type { StorageCredential } from "./common/storage-credential.ts";
import { identity } from "./identity.ts";

export interface OpenAzureStores extends Stores {
  close(): Promise<void>;
}

/** Documents in Cosmos DB, blobs and queues in Azure Storage, reached with the app's identity, or with keys where the settings give some. */
export async function openAzureStores(
  settings: AzureStores,
  { clock, ids }: { clock: Clock; ids: Ids },
): Promise<OpenAzureStores> {
  const [{ openCosmos }, { openAzureBlobs }, { openStorageQueues }] = await Promise.all([
    import("./cosmos/open-cosmos.ts"),
    import("./azure-blob/open-azure-blobs.ts"),
    import("./storage-queue/open-storage-queues.ts"),
  ]);
  const { endpoint, database, key } = settings.cosmos;
  const access = key === undefined ? { credential: await identity() } : { key };
  const cosmos = await openCosmos({ endpoint, databaseName: database, clock, ids, ...access });
  const storage = settings.storageKey === undefined ? await identity() : accountKey(settings);
  const { blobEndpoint, queueEndpoint, createContainers } = settings;
  const blobs = openAzureBlobs({ endpoint: blobEndpoint, credential: storage, clock, ids, createContainers });
  const queue = openStorageQueues({ endpoint: queueEndpoint, credential: storage, ids });
  const secrets = settings.vaultEndpoint && (await vault(settings.vaultEndpoint, { clock, ids }));
  if (createContainers) await cosmos.createContainers();
  return { documents: cosmos.documents, blobs, queue, secrets: secrets || undefined, close: () => cosmos.close() };
}

async function vault(endpoint: string, machine: { clock: Clock; ids: Ids }): Promise<SecretStore> {
  const { openKeyVault } = await import("./key-vault/open-key-vault.ts");
  return openKeyVault({ endpoint, credential: await identity(), ...machine });
}

/** The account's name is the first label of the host, or for emulators the first segment of the path. */
function accountKey({ blobEndpoint, storageKey }: AzureStores): StorageCredential {
  const { hostname, pathname } = new URL(blobEndpoint);
  const segment = pathname.split("/").find((part) => part !== "");
  return { accountName: segment ?? hostname.split(".")[0]!, accountKey: storageKey! };
}
