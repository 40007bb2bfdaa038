import { describe } from "vitest";
import { openAzureBlobs } from "../../shared/drivers/azure-blob/open-azure-blobs.ts";
import { machineClock, machineIds } from "../../shared/drivers/machine.ts";
import { segmentedLogContract } from "../contract/segmented-log.contract.ts";
import { embeddedFixture } from "./embedded-fixture.ts";
import { ACCOUNT_KEY, startAzurite, WITH_AZURITE } from "./support/azurite.ts";

segmentedLogContract("files", async () => {
  const fixture = embeddedFixture();
  return { store: fixture.stores.blobs, close: () => fixture.close() };
});

describe.skipIf(!WITH_AZURITE.available)(`account key, http${WITH_AZURITE.note}`, () => {
  segmentedLogContract("Azure Blob Storage", async () => {
    const azurite = await startAzurite();
    const shared = { credential: ACCOUNT_KEY, clock: machineClock, ids: machineIds, createContainers: true };
    return {
      store: openAzureBlobs({ ...shared, endpoint: azurite.blobs }),
      close: () => azurite.close(),
    };
  });
});
