import { workQueueContract } from "../contract/work-queue.contract.ts";
import { embeddedFixture } from "./embedded-fixture.ts";

workQueueContract("SQLite", async () => {
  const fixture = embeddedFixture();
  return {
    queue: fixture.stores.queue,
    another: async () => (await fixture.reopen()).queue,
    pass: async (seconds) => fixture.clock.pass(seconds),
    close: () => fixture.close(),
  };
});
