import { setTimeout as sleep } from "node:timers/promises";
import { describe } from "vitest";
import { openAzureBlobs } from "../../shared/drivers/azure-blob/open-azure-blobs.ts";
import { machineClock, machineIds } from "../../shared/drivers/machine.ts";
import { blobStoreContract } from "../contract/blob-store.contract.ts";
import { ACCOUNT_KEY, startAzurite, WITH_AZURITE } from "./support/azurite.ts";

describe.skipIf(!WITH_AZURITE.available)(`account key, http${WITH_AZURITE.note}`, () => {
  blobStoreContract(
    "Azure Blob Storage",
    async () => {
      const azurite = await startAzurite();
      const open = () =>
        openAzureBlobs({
          endpoint: azurite.blobs,
          credential: ACCOUNT_KEY,
          clock: machineClock,
          ids: machineIds,
          createContainers: true,
        });
      return {
        store: open(),
        another: async () => open(),
        pass: (seconds) => sleep(seconds * 1_000),
        close: () => azurite.close(),
      };
    },
    {
      unsupported: {
        "block-expiry": "the service drops blocks after a week of real time, and Azurite never does",
        "block-signatures": "the service signs for a blob, not for a block",
        "order-beyond-bmp": "Azurite compares UTF-16 units",
      },
    },
  );
});
