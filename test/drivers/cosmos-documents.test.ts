import { afterAll, beforeAll, describe } from "vitest";
import { documentStoreContract } from "../contract/document-store.contract.ts";
import {
  type CosmosEmulator,
  cosmosFixture,
  EMULATOR,
  startEmulator,
  WITHOUT_EMULATOR,
} from "./support/cosmos-emulator.ts";

describe.skipIf(!EMULATOR)(`Cosmos DB${WITHOUT_EMULATOR}`, () => {
  let emulator: CosmosEmulator;
  beforeAll(async () => {
    emulator = await startEmulator();
  });
  afterAll(() => emulator?.stop());

  documentStoreContract("Cosmos DB", async () => {
    const fixture = await cosmosFixture(emulator);
    return {
      store: fixture.stores.documents.runs,
      another: async () => (await fixture.another()).documents.runs,
      pass: async (seconds) => fixture.clock.pass(seconds),
      close: () => fixture.close(),
    };
  });
});
