import { test } from "vitest";
import { AZURE_STORES, startAzureStores } from "../../setup/azure-stores.ts";
import { livesInSixtyFourMegabytes, MILLION } from "./million-process.ts";

const title = `on Cosmos DB and Azure Storage ${MILLION}, pains 3 and 9${AZURE_STORES.note}`;

test.skipIf(!AZURE_STORES.available)(title, { timeout: 240_000 }, async () => {
  const stores = await startAzureStores();
  try {
    await livesInSixtyFourMegabytes(stores.env);
  } finally {
    await stores.close();
  }
});
