import { documentStoreContract } from "../contract/document-store.contract.ts";
import { embeddedFixture } from "./embedded-fixture.ts";

for (const durable of [false, true]) {
  documentStoreContract(`SQLite${durable ? ", durable" : ""}`, async () => {
    const fixture = embeddedFixture({ durable });
    return {
      store: fixture.stores.documents.runs,
      another: async () => (await fixture.reopen()).documents.runs,
      pass: async (seconds) => fixture.clock.pass(seconds),
      close: () => fixture.close(),
    };
  });
}
