import { describe } from "vitest";
import { openAzureBlobs } from "../../shared/drivers/azure-blob/open-azure-blobs.ts";
import { segmentedLogContract } from "../contract/segmented-log.contract.ts";
import { embeddedFixture } from "./embedded-fixture.ts";
import { ACCOUNT_KEY, realClock, realIds, startAzurite, WITH_AZURITE } from "./support/azurite.ts";

segmentedLogContract("files", async () => {
  const fixture = embeddedFixture();
  return { store: fixture.stores.blobs, close: () => fixture.close() };
});

describe.skipIf(!WITH_AZURITE.available)(`account key, http${WITH_AZURITE.note}`, () => {
  segmentedLogContract("Azure Blob Storage", async () => {
    const azurite = await startAzurite();
    const shared = { credential: ACCOUNT_KEY, clock: realClock, ids: realIds, createContainers: true };
    return {
      store: openAzureBlobs({ ...shared, endpoint: azurite.blobs }),
      close: () => azurite.close(),
    };
  });
});
