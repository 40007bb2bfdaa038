import { setTimeout as sleep } from "node:timers/promises";
import { describe } from "vitest";
import { machineIds } from "../../shared/drivers/machine.ts";
import { openStorageQueues } from "../../shared/drivers/storage-queue/open-storage-queues.ts";
import { workQueueContract } from "../contract/work-queue.contract.ts";
import { startSecureAzurite, tokenCredential, WITH_AZURITE } from "./support/azurite.ts";

describe.skipIf(!WITH_AZURITE.available)(`token, https${WITH_AZURITE.note}`, () => {
  workQueueContract("Azure Storage Queue", async () => {
    const azurite = await startSecureAzurite();
    const open = () => openStorageQueues({ endpoint: azurite.queues, credential: tokenCredential(), ids: machineIds });
    return {
      queue: open(),
      another: async () => open(),
      pass: (seconds) => sleep(seconds * 1_000),
      close: () => azurite.close(),
    };
  });
});
