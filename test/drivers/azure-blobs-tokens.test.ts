import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openAzureBlobs } from "../../shared/drivers/azure-blob/open-azure-blobs.ts";
import type { StorageCredential } from "../../shared/drivers/common/storage-credential.ts";
import { machineClock, machineIds } from "../../shared/drivers/machine.ts";
import type { BlobStore } from "../../shared/stores/blob-store.ts";
import type { Clock } from "../../shared/stores/clock.ts";
import { InvalidArgument, StoreError } from "../../shared/stores/errors.ts";
import { blobStoreContract } from "../contract/blob-store.contract.ts";
import { utf8 } from "../contract/blobs/bytes.ts";
import { collect, freshName, refuses } from "../contract/support.ts";
import { ACCOUNT_KEY, type Azurite, startSecureAzurite, tokenCredential, WITH_AZURITE } from "./support/azurite.ts";

const HOUR_SECONDS = 3_600;

function open(azurite: Azurite, credential: StorageCredential, clock: Clock = machineClock): BlobStore {
  return openAzureBlobs({ endpoint: azurite.blobs, credential, clock, ids: machineIds, createContainers: true });
}

describe.skipIf(!WITH_AZURITE.available)(`token, https${WITH_AZURITE.note}`, () => {
  blobStoreContract(
    "Azure Blob Storage",
    async () => {
      const azurite = await startSecureAzurite();
      return {
        store: open(azurite, tokenCredential()),
        another: async () => open(azurite, tokenCredential()),
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

  describe("credentials", () => {
    let azurite: Azurite;
    beforeAll(async () => {
      azurite = await startSecureAzurite();
    });
    afterAll(() => azurite?.close());

    async function signedParameters(store: BlobStore, seconds = HOUR_SECONDS) {
      return new URL((await store.signedUrl("artifacts/a/b", seconds)).url).searchParams;
    }

    it("signedUrl: is for one blob, one access, https alone, and signed by a delegated key", async () => {
      const store = open(azurite, tokenCredential());
      const read = await signedParameters(store);
      expect([read.get("sr"), read.get("sp"), read.get("spr")]).toEqual(["b", "r", "https"]);
      expect(read.get("skoid")).toBe("00000000-0000-0000-0000-000000000002");
      const { urls } = await store.signedBlockUrls("artifacts/a/b", ["b1", "b2"], 60);
      expect(urls.map((url) => new URL(url).searchParams.get("sp"))).toEqual(["w", "w"]);
    });

    it("signedUrl: ends when asked to, and its key does not end before", async () => {
      const ahead: Clock = { ...machineClock, now: () => Math.ceil(Date.now() / 1_000) * 1_000 };
      const before = ahead.now();
      for (const hours of [1, 5, 12, 48]) {
        const parameters = await signedParameters(open(azurite, tokenCredential(), ahead), hours * HOUR_SECONDS);
        const ends = Date.parse(parameters.get("se")!);
        expect(ends).toBeGreaterThanOrEqual(before + hours * HOUR_SECONDS * 1_000);
        expect(Date.parse(parameters.get("ske")!)).toBeGreaterThanOrEqual(ends);
      }
    });

    it("signedUrl: keeps its key, and takes a new one before a URL would outlive it", async () => {
      let now = Date.now();
      const store = open(azurite, tokenCredential(), { ...machineClock, now: () => now });
      const keyEnd = async () => (await signedParameters(store)).get("ske");
      const [first, ...same] = await Promise.all([keyEnd(), keyEnd(), keyEnd()]);
      expect(same).toEqual([first, first]);
      now += 4.9 * HOUR_SECONDS * 1_000;
      expect(await keyEnd()).toBe(first);
      now += 0.2 * HOUR_SECONDS * 1_000;
      expect(await keyEnd()).not.toBe(first);
    });

    it("signedUrl: raises InvalidArgument for a time that no key can cover", async () => {
      await refuses(open(azurite, tokenCredential()).signedUrl("artifacts/a", 8 * 24 * HOUR_SECONDS), InvalidArgument);
    });

    it.each([
      ["an expired token", tokenCredential({ lifetimeSeconds: -HOUR_SECONDS })],
      ["another account's key", { ...ACCOUNT_KEY, accountKey: Buffer.alloc(64).toString("base64") }],
      [
        "no token to be had",
        { getToken: () => Promise.reject(Object.assign(new Error("no identity"), { statusCode: 404 })) },
      ],
    ])("get, head, list, remove: %s is an error, never an absence", async (_, credential: StorageCredential) => {
      const name = `artifacts/${freshName("credentials")}`;
      await open(azurite, tokenCredential()).put(name, utf8("kept"));
      const store = open(azurite, credential);
      const calls = [
        store.get(name),
        store.get("never-used-container/x"),
        store.head(name),
        store.remove(name),
        collect(store.list("artifacts/")),
        store.put(name, utf8("x"), { ifNoneMatch: "*" }),
        store.commitBlocks(name, []),
      ];
      for (const result of await Promise.allSettled(calls)) {
        expect(result).toMatchObject({ status: "rejected", reason: expect.any(Error) });
        expect(result).not.toMatchObject({ reason: expect.any(StoreError) });
      }
    });
  });
});
