import { AZURE_STORES, startAzureStores } from "../setup/azure-stores.ts";
import { conformanceSuite } from "./conformance.ts";

conformanceSuite("2", {
  title: ` on Cosmos DB and Azure Storage${AZURE_STORES.note}`,
  available: AZURE_STORES.available,
  start: startAzureStores,
});
