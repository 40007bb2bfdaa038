import { ACCOUNT_KEY, startAzurite, WITH_AZURITE } from "../drivers/support/azurite.ts";
import { EMULATOR, KEY, startEmulator, WITHOUT_EMULATOR } from "../drivers/support/cosmos-emulator.ts";

/** Whether both emulators are there, and what titles say when they are not. */
export const AZURE_STORES = {
  available: WITH_AZURITE.available && EMULATOR !== undefined,
  note: `${WITH_AZURITE.note}${WITHOUT_EMULATOR}`,
};

export interface EmulatedStores {
  /** Settings with which `npm start` runs on these stores. */
  readonly env: Record<string, string>;
  close(): Promise<void>;
}

/** Empty Cosmos DB and Storage accounts, emulated; they are there until `close`, whatever becomes of the server. */
export async function startAzureStores(): Promise<EmulatedStores> {
  const [cosmos, azurite] = await Promise.all([startEmulator(), startAzurite()]);
  return {
    env: {
      CAIRN_COSMOS_ENDPOINT: cosmos.endpoint,
      CAIRN_COSMOS_KEY: KEY,
      CAIRN_BLOB_ENDPOINT: azurite.blobs,
      CAIRN_QUEUE_ENDPOINT: azurite.queues,
      CAIRN_STORAGE_KEY: ACCOUNT_KEY.accountKey,
      CAIRN_CREATE_CONTAINERS: "true",
    },
    async close() {
      cosmos.stop();
      await azurite.close();
    },
  };
}
