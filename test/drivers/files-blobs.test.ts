import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { serveSignedBlob } from "../../host/signed-blobs.ts";
import { blobStoreContract } from "../contract/blob-store.contract.ts";
import { embeddedFixture } from "./embedded-fixture.ts";

for (const durable of [false, true]) {
  blobStoreContract(`files${durable ? ", durable" : ""}`, async () => {
    const server = createServer((request, response) => {
      const serve = serveSignedBlob(fixture.stores, fixture.clock);
      void serve(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const fixture = embeddedFixture({ durable, baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    return {
      store: fixture.stores.blobs,
      another: async () => (await fixture.reopen()).blobs,
      pass: async (seconds) => {
        fixture.clock.pass(seconds);
        await fixture.stores.sweep();
      },
      close: async () => {
        server.closeAllConnections();
        server.close();
        await fixture.close();
      },
    };
  });
}
