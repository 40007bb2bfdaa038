import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openAzureBlobs } from "../../shared/drivers/azure-blob/open-azure-blobs.ts";
import { storageRetries } from "../../shared/drivers/common/retries.ts";
import { machineClock, machineIds } from "../../shared/drivers/machine.ts";
import { openStorageQueues } from "../../shared/drivers/storage-queue/open-storage-queues.ts";
import type { BlobStore, WriteOptions } from "../../shared/stores/blob-store.ts";
import {
  AlreadyExists,
  InvalidArgument,
  PreconditionFailed,
  StoreThrottled,
  StoreUnavailable,
  TooLarge,
} from "../../shared/stores/errors.ts";
import type { WorkQueue } from "../../shared/stores/work-queue.ts";
import {
  failing,
  freshBlob,
  MEGABYTE,
  pattern,
  read,
  readText,
  SourceFailed,
  streamOf,
  utf8,
} from "../contract/blobs/bytes.ts";
import { collect, freshName, refuses } from "../contract/support.ts";
import { ACCOUNT_KEY, type Azurite, startAzurite, WITH_AZURITE } from "./support/azurite.ts";
import { type Fault, type FaultyProxy, faultyProxy } from "./support/azurite-proxy.ts";

const LARGE = 10 * MEGABYTE;

const PASSING: [string, Fault][] = [
  ["429", { status: 429, code: "TooManyRequests" }],
  ["500", { status: 500, code: "InternalError" }],
  ["503 with Retry-After", { status: 503, code: "ServerBusy", headers: { "retry-after": "0" } }],
  ["504 of a proxy", { status: 504 }],
  ["a connection reset", "reset"],
];

let azurite: Azurite;
let proxy: FaultyProxy;
let queueProxy: FaultyProxy;
/** Behind the proxy. */
let store: BlobStore;
let queue: WorkQueue;
/** Somebody else, whose requests meet no fault. */
let other: BlobStore;
let otherQueue: WorkQueue;

async function open(): Promise<void> {
  azurite = await startAzurite();
  [proxy, queueProxy] = await Promise.all([faultyProxy(azurite.blobs), faultyProxy(azurite.queues)]);
  const shared = { credential: ACCOUNT_KEY, clock: machineClock, ids: machineIds, createContainers: true };
  store = openAzureBlobs({ ...shared, endpoint: proxy.url });
  other = openAzureBlobs({ ...shared, endpoint: azurite.blobs });
  queue = openStorageQueues({ ...shared, endpoint: queueProxy.url });
  otherQueue = openStorageQueues({ ...shared, endpoint: azurite.queues });
  await other.put("artifacts/first", utf8("makes the container"));
}

async function close(): Promise<void> {
  for (const each of [proxy, queueProxy]) each?.close();
  await azurite?.close();
}

/** Three blocks' worth of bytes that depend on the seed. */
function large(seed = 0): Buffer {
  LARGES[seed] ??= pattern(LARGE, seed);
  return LARGES[seed];
}
const LARGES: Buffer[] = [];

/** The same in chunks that do not fit blocks. */
function largeStream(seed = 0) {
  const chunk = LARGE / 16;
  return streamOf(...Array.from({ length: 16 }, (_, i) => large(seed).subarray(i * chunk, (i + 1) * chunk)));
}

describe.skipIf(!WITH_AZURITE.available)(`Azure storage under faults${WITH_AZURITE.note}`, () => {
  beforeAll(open);
  afterAll(close);
  beforeEach(() => {
    proxy.reset();
    queueProxy.reset();
  });

  describe("faults that pass", () => {
    it.each(PASSING)("put, head, get, list, remove: outlive %s", async (_, fault) => {
      const name = freshBlob();
      proxy.meet(/./, fault);
      const properties = await store.put(name, utf8("hello"), { contentType: "text/plain" });
      expect(proxy.requests).toHaveLength(2);
      proxy.meet(/./, fault);
      expect(await store.head(name)).toEqual(properties);
      proxy.meet(/./, fault);
      expect(await readText(store, name)).toBe("hello");
      proxy.meet(/./, fault);
      expect((await collect(store.list(name))).flatMap(({ blobs }) => blobs)).toEqual([properties]);
      proxy.meet(/./, fault);
      expect(await store.remove(name)).toBe(true);
      expect(await other.head(name)).toBeUndefined();
    });

    it.each(PASSING)("put: a stream in blocks outlives %s for each request", async (_, fault) => {
      const name = freshBlob();
      proxy.meet(/comp=block&/, fault, fault);
      proxy.meet(/comp=blocklist/, fault);
      expect(await store.put(name, largeStream())).toEqual(await other.head(name));
      expect((await read(other, name)).equals(large())).toBe(true);
    });

    it("put: blocks of another upload that are gone again when ours asks for the length of their ids", async () => {
      const name = freshBlob();
      proxy.meet(/comp=block&/, { status: 400, code: "InvalidBlobOrBlock" });
      await store.put(name, largeStream());
      expect((await read(other, name)).equals(large())).toBe(true);
    });

    it.each(PASSING)("send, receive, update, remove, count: outlive %s", async (_, fault) => {
      const name = freshName("faults");
      queueProxy.meet(/^POST/, fault);
      const id = await queue.send(name, "once");
      queueProxy.meet(/^GET/, fault);
      const [message, ...more] = await queue.receive(name, 32, 300);
      expect([message?.id, message?.body, more]).toEqual([id, "once", []]);
      queueProxy.meet(/^PUT/, fault);
      const popReceipt = await queue.update(name, message!, 300);
      queueProxy.meet(/^DELETE/, fault);
      await queue.remove(name, { id, popReceipt });
      queueProxy.meet(/comp=metadata/, fault);
      expect(await queue.count(name)).toBe(0);
    });

    it.each(PASSING)("append: outlives %s at every request", async (_, fault) => {
      const name = freshBlob();
      proxy.meet(/comp=appendblock/, fault);
      await store.append(name, utf8("one "), 0);
      proxy.meet(/^PUT/, fault);
      await store.append(name, utf8("two"), 4);
      expect(await readText(other, name)).toBe("one two");
    });

    it("list: an answer that breaks within its text is asked for again", async () => {
      const folder = `artifacts/${freshName("broken-list")}/`;
      for (const path of ["a", "b", "c"]) await other.put(folder + path, utf8(path));
      proxy.meet(/comp=list/, { cutAfterBytes: 300 });
      const pages = await collect(store.list(folder, { pageSize: 2 }));
      expect(pages.map(({ blobs }) => blobs.map(({ name }) => name.slice(folder.length)))).toEqual([["a", "b"], ["c"]]);
    });
  });

  describe("faults that do not pass", () => {
    it("put, send: throttling with a wait that is too long raises StoreThrottled, which says how long", async () => {
      const busy: Fault = { status: 503, code: "ServerBusy", headers: { "retry-after": "90" } };
      proxy.meet(/./, busy);
      const failure = await store.put(freshBlob(), utf8("x")).catch((error) => error);
      expect(failure).toBeInstanceOf(StoreThrottled);
      expect(failure.retryAfterSeconds).toBe(90);
      queueProxy.meet(/./, busy);
      await refuses(queue.send(freshName("busy"), "x"), StoreThrottled);
    });

    it("get, head, list: a service that is down raises StoreUnavailable, never an absence", async () => {
      const busy: Fault = { status: 503, headers: { "retry-after": "90" } };
      for (const call of [
        () => store.get(freshBlob()),
        () => store.head(freshBlob()),
        () => collect(store.list("artifacts/")),
      ]) {
        proxy.meet(/./, busy);
        const failure = await call().catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(StoreUnavailable);
        expect(failure).not.toBeInstanceOf(StoreThrottled);
      }
    });

    it("get, head, remove: a 404 that is not the service's own word is no absence", async () => {
      for (const call of [
        () => store.get(freshBlob()),
        () => store.head(freshBlob()),
        () => store.remove(freshBlob()),
        () => collect(store.list("artifacts/")),
      ]) {
        proxy.meet(/./, { status: 404 });
        await expect(call()).rejects.toThrow();
      }
    });

    it("put: a refusal is not tried again", async () => {
      proxy.meet(/./, { status: 403, code: "AuthorizationPermissionMismatch" });
      await expect(store.put(freshBlob(), utf8("x"))).rejects.toMatchObject({ statusCode: 403 });
      expect(proxy.requests).toHaveLength(1);
    });

    it.each(["put", "append"] as const)("%s: 3.9 MB on a line of 600 KB/s need one request", async (call) => {
      const name = freshBlob();
      const body = large().subarray(0, 3_900_000);
      await other.append(`${name}-container`, utf8("x"), 0);
      proxy.meet(call === "put" ? /^PUT/ : /comp=appendblock/, { msPerPiece: 107 });
      if (call === "append") await other.append(name, utf8("x"), 0);
      await (call === "put" ? store.put(name, body) : store.append(name, body, 1));
      expect(proxy.requests).toHaveLength(1);
      expect((await other.head(name))?.size).toBe(body.length + (call === "put" ? 0 : 1));
    });

    it("retries: who makes progress has time, as long as it goes on", async () => {
      const retry = storageRetries(machineIds);
      let attempts = 0;
      const work = async ({ signal, progressed }: { signal: AbortSignal; progressed(): void }) => {
        attempts++;
        for (let i = 0; i < 30; i++) {
          await sleep(20, undefined, { signal });
          progressed();
        }
        return "done";
      };
      expect(await retry({ deadlineMs: 400, doubt: "" }, "work", work)).toBe("done");
      expect(attempts).toBe(1);
      attempts = 0;
      const stalls: typeof work = ({ signal, progressed }) =>
        work({ signal, progressed }).then(() => sleep(60_000, "late", { signal }));
      await refuses(retry({ deadlineMs: 200, doubt: "" }, "stall", stalls), StoreUnavailable);
      expect(attempts).toBeLessThanOrEqual(10);
    });

    it("retries: a call that never gets an answer ends, and is made more than once", async () => {
      let attempts = 0;
      const hang = ({ signal }: { signal: AbortSignal }) => {
        attempts++;
        return new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      };
      await refuses(storageRetries(machineIds)({ deadlineMs: 600, doubt: "" }, "wait", hang), StoreUnavailable);
      expect(attempts).toBeGreaterThan(1);
    });

    it("append: a full blob raises TooLarge at its end, and PreconditionFailed elsewhere", async () => {
      const name = freshBlob();
      await other.append(name, utf8("full"), 0);
      const full: Fault = { status: 409, code: "BlockCountExceedsLimit" };
      for (const [at, error] of [
        [4, TooLarge],
        [3, PreconditionFailed],
        [0, PreconditionFailed],
      ] as const) {
        proxy.meet(/comp=appendblock/, full);
        await refuses(store.append(name, utf8("x"), at), error);
      }
      expect(await readText(other, name)).toBe("full");
    });

    it("put: where the service does not replace what was appended raises InvalidArgument", async () => {
      proxy.meet(/^PUT/, { status: 409, code: "InvalidBlobType" });
      await refuses(store.put(freshBlob(), utf8("x")), InvalidArgument);
    });

    it("put: a block that fails for good leaves the old content, and ends the source", async () => {
      const name = freshBlob();
      await other.put(name, utf8("old"));
      proxy.meet(/comp=block&/, { first: async () => undefined }, { status: 403, code: "AuthorizationFailure" });
      let ended = false;
      const source = (async function* () {
        try {
          for (;;) yield pattern(MEGABYTE);
        } finally {
          ended = true;
        }
      })();
      await expect(store.put(name, source)).rejects.toMatchObject({ statusCode: 403 });
      expect(ended).toBe(true);
      expect(await readText(other, name)).toBe("old");
    });

    it("put: a source that fails after some blocks leaves the old content", async () => {
      const name = freshBlob();
      await other.put(name, utf8("old"));
      const chunks = Array.from({ length: 9 }, () => pattern(MEGABYTE));
      await refuses(store.put(name, failing(...chunks)), SourceFailed);
      expect(await readText(other, name)).toBe("old");
    });
  });

  describe("answers that get lost", () => {
    const BODIES: [string, () => Uint8Array | AsyncIterable<Uint8Array>, RegExp, number][] = [
      ["bytes", () => pattern(100), /^PUT/, 100],
      ["a stream in blocks", () => largeStream(), /comp=blocklist/, LARGE],
    ];

    it.each(BODIES)("put: %s under ifNoneMatch succeeds, once", async (_, body, write, size) => {
      const name = freshBlob();
      proxy.meet(write, "answer lost");
      const properties = await store.put(name, body(), { ifNoneMatch: "*" });
      expect(properties).toMatchObject({ size });
      expect(properties).toEqual(await other.head(name));
      await refuses(store.put(name, utf8("again"), { ifNoneMatch: "*" }), AlreadyExists);
    });

    it.each(BODIES)("put: %s under ifMatch succeeds, once", async (_, body, write, size) => {
      const name = freshBlob();
      const { etag } = await other.put(name, utf8("old"));
      proxy.meet(write, "answer lost");
      const properties = await store.put(name, body(), { ifMatch: etag });
      expect(properties).toMatchObject({ size });
      expect(properties).toEqual(await other.head(name));
    });

    it.each(BODIES)("put: %s without conditions succeeds", async (_, body, write) => {
      const name = freshBlob();
      proxy.meet(write, "answer lost");
      expect(await store.put(name, body())).toEqual(await other.head(name));
    });

    it("commitBlocks: succeeds, once", async () => {
      const name = freshBlob();
      proxy.meet(/comp=block&/, "answer lost");
      await store.stageBlock(name, "b1", utf8("one"));
      proxy.meet(/comp=blocklist/, "answer lost");
      const properties = await store.commitBlocks(name, ["b1"], { ifNoneMatch: "*" });
      expect(properties).toEqual(await other.head(name));
      expect(await readText(other, name)).toBe("one");
    });

    it.each<[string, WriteOptions, typeof AlreadyExists]>([
      ["ifNoneMatch raises AlreadyExists", { ifNoneMatch: "*" }, AlreadyExists],
      ["ifMatch raises PreconditionFailed", { ifMatch: '"0x0"' }, PreconditionFailed],
    ])("put: a refusal that gets lost stays one: %s", async (_, options, error) => {
      const name = freshBlob();
      await other.put(name, utf8("theirs"), { ifNoneMatch: "*" });
      proxy.meet(/^PUT/, "answer lost");
      await refuses(store.put(name, utf8("mine"), options), error);
      expect(await readText(other, name)).toBe("theirs");
    });

    it("put: is not taken for done when somebody else has written since", async () => {
      const name = freshBlob();
      const { etag } = await other.put(name, utf8("old"));
      proxy.meet(/^PUT/, "answer lost", { first: () => other.put(name, utf8("theirs")) });
      await refuses(store.put(name, utf8("mine"), { ifMatch: etag }), PreconditionFailed);
      expect(await readText(other, name)).toBe("theirs");
    });

    it.each([0, 4])("append: at %i happens once", async (at) => {
      const name = freshBlob();
      if (at > 0) await other.append(name, utf8("old "), 0);
      // The first request to a blob that is absent is refused, whereupon it is made.
      else proxy.meet(/comp=appendblock/, { first: async () => undefined });
      proxy.meet(/comp=appendblock/, "answer lost");
      await store.append(name, utf8("new"), at);
      expect(await readText(other, name, { first: at })).toBe("new");
      expect((await other.head(name))?.size).toBe(at + 3);
    });

    it("append: to a blob whose making got lost happens once", async () => {
      const name = freshBlob();
      proxy.meet(/comp=appendblock/, { first: async () => undefined });
      proxy.meet(/^PUT/, "answer lost");
      await store.append(name, utf8("new"), 0);
      expect(await readText(other, name)).toBe("new");
    });

    it("append: is done when somebody else has appended behind it since", async () => {
      const name = freshBlob();
      proxy.meet(/comp=appendblock/, { first: async () => other.append(name, utf8("old "), 0) });
      await refuses(store.append(name, utf8("late"), 0), PreconditionFailed);
      proxy.meet(/comp=appendblock/, "answer lost", { first: () => other.append(name, utf8(" theirs"), 8) });
      await store.append(name, utf8("mine"), 4);
      expect(await readText(other, name)).toBe("old mine theirs");
    });

    it.each(["their", "theirs are more"])(
      "append: is not taken for done when %j is where it should have gone",
      async (theirs) => {
        const name = freshBlob();
        await other.append(name, utf8("old "), 0);
        proxy.meet(/comp=appendblock/, "reset", { first: () => other.append(name, utf8(theirs), 4) });
        await refuses(store.append(name, utf8("mine!"), 4), PreconditionFailed);
        expect(await readText(other, name)).toBe(`old ${theirs}`);
      },
    );

    it("remove: is true", async () => {
      const name = freshBlob();
      await other.put(name, utf8("x"));
      proxy.meet(/^DELETE/, "answer lost");
      expect(await store.remove(name)).toBe(true);
    });

    it("send: the message is there, at least once", async () => {
      const name = freshName("lost");
      await otherQueue.count(name);
      queueProxy.meet(/^POST/, "answer lost");
      await queue.send(name, "work");
      const messages = await otherQueue.receive(name, 32, 300);
      expect(new Set(messages.map(({ body }) => body))).toEqual(new Set(["work"]));
    });

    it("receive: the messages come again", async () => {
      const name = freshName("lost");
      await otherQueue.send(name, "work");
      queueProxy.meet(/^GET/, "answer lost");
      expect(await queue.receive(name, 32, 1)).toEqual([]);
      await sleep(2_000);
      expect(await queue.receive(name, 32, 300)).toMatchObject([{ body: "work", dequeueCount: 2 }]);
    });

    it("remove: the message is gone, and that is a success", async () => {
      const name = freshName("lost");
      await otherQueue.send(name, "work");
      const [message] = await queue.receive(name, 1, 300);
      queueProxy.meet(/^DELETE/, "answer lost");
      await queue.remove(name, message!);
      expect(await otherQueue.count(name)).toBe(0);
    });

    it("update: the new receipt is lost, so it raises PreconditionFailed, and the message comes again", async () => {
      const name = freshName("lost");
      await otherQueue.send(name, "work");
      const [message] = await queue.receive(name, 1, 300);
      queueProxy.meet(/^PUT/, "answer lost");
      await refuses(queue.update(name, message!, 0), PreconditionFailed);
      expect(await otherQueue.receive(name, 1, 300)).toMatchObject([{ body: "work" }]);
    });
  });

  describe("downloads that break", () => {
    it.each([
      ["once", [1_000_000]],
      ["before the first byte", [0]],
      ["again and again", [3_000_000, 10, 2_000_000, 1]],
    ])("get: goes on where the connection broke %s", async (_, cuts) => {
      const name = freshBlob();
      await other.put(name, large());
      proxy.meet(/^GET/, ...cuts.map((cutAfterBytes) => ({ cutAfterBytes })));
      expect((await read(store, name)).equals(large())).toBe(true);
    });

    it("get: a range goes on to its own end", async () => {
      const name = freshBlob();
      await other.put(name, large());
      proxy.meet(/^GET/, { cutAfterBytes: 500_000 });
      const range = { first: 1_000_000, last: 2_999_999 };
      expect((await read(store, name, range)).equals(pattern(2_000_000, 0, 1_000_000))).toBe(true);
    });

    it.each([
      ["replaced", (name: string) => other.put(name, large(2))],
      ["replaced by less", (name: string) => other.put(name, utf8("short"))],
      ["removed", (name: string) => other.remove(name)],
    ])("get: fails when the blob was %s meanwhile, and gives no mixture", async (_, change) => {
      const name = freshBlob();
      await other.put(name, large(1));
      proxy.meet(/^GET/, { cutAfterBytes: 1_000_000 }, { first: () => change(name) });
      const length = read(store, name).then((bytes) => bytes.length);
      await refuses(length, PreconditionFailed);
    });

    it("get: a connection that brings nothing any more is an error, never a short body", async () => {
      const name = freshBlob();
      await other.put(name, large());
      proxy.meet(/^GET/, { cutAfterBytes: 1_000_000 }, ...Array.from({ length: 20 }, () => ({ cutAfterBytes: 0 })));
      await expect(read(store, name)).rejects.toThrow(/broke/);
    });

    it("get: a body that nobody reads may break without harm", async () => {
      const name = freshBlob();
      await other.put(name, large());
      proxy.meet(/^GET/, { cutAfterBytes: 100_000 });
      const download = await store.get(name);
      await sleep(100);
      expect(Buffer.concat(await collect(download!.body)).equals(large())).toBe(true);
    });
  });

  describe("writers beside each other", () => {
    it.each<[string, WriteOptions, typeof AlreadyExists]>([
      ["ifNoneMatch", { ifNoneMatch: "*" }, AlreadyExists],
      ["ifMatch", {}, PreconditionFailed],
    ])("put: a stream in blocks under %s loses to a write before its commit", async (_, options, error) => {
      const name = freshBlob();
      const ifMatch = error === PreconditionFailed ? (await other.put(name, utf8("old"))).etag : undefined;
      proxy.meet(/comp=blocklist/, { first: () => other.put(name, utf8("theirs")) });
      await refuses(store.put(name, largeStream(), { ...options, ifMatch }), error);
      expect(await readText(other, name)).toBe("theirs");
    });

    it("put: a stream under a condition that fails already sends no block", async () => {
      const name = freshBlob();
      await other.put(name, utf8("theirs"));
      await refuses(store.put(name, largeStream(), { ifNoneMatch: "*" }), AlreadyExists);
      await refuses(store.put(name, largeStream(), { ifMatch: '"0x0"' }), PreconditionFailed);
      expect(proxy.requests.filter((line) => line.includes("comp=block"))).toEqual([]);
    });

    it("put: of two streams in blocks both succeed, and one is there whole", async () => {
      const name = freshBlob();
      const theirs = () => other.put(name, largeStream(2));
      proxy.meet(/comp=blocklist/, { first: theirs });
      const mine = await store.put(name, largeStream(1));
      const bytes = await read(other, name);
      expect(bytes.equals(large(1)) || bytes.equals(large(2))).toBe(true);
      if (!bytes.equals(large(1)))
        await refuses(store.put(name, utf8("x"), { ifMatch: mine.etag }), PreconditionFailed);
    });

    it("put: a stream takes the place of blocks that somebody has staged and left", async () => {
      const name = freshBlob();
      await other.stageBlock(name, "upload-1-part-01", utf8("left"));
      await store.put(name, largeStream());
      expect((await read(other, name)).equals(large())).toBe(true);
    });

    it("put: a stream beside staged blocks of very short ids raises InvalidArgument", async () => {
      const name = freshBlob();
      await other.stageBlock(name, "b1", utf8("kept"));
      await refuses(store.put(name, largeStream()), InvalidArgument);
      await other.commitBlocks(name, ["b1"]);
      expect(await readText(other, name)).toBe("kept");
    });
  });
});
