import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { DocumentStore, ETag, Item } from "../../shared/stores/document-store.ts";
import { AlreadyExists, PreconditionFailed, StoreError, StoreUnavailable } from "../../shared/stores/errors.ts";
import { collect, freshName, refuses } from "../contract/support.ts";
import {
  type CosmosEmulator,
  type CosmosFixture,
  cosmosFixture,
  EMULATOR,
  SERVICE_PARTITIONS,
  startEmulator,
  WITHOUT_EMULATOR,
} from "./support/cosmos-emulator.ts";
import {
  answer,
  answerAfterwards,
  type Fault,
  FaultyHttp,
  hang,
  loseAnswer,
  type RequestKind,
  resetBefore,
  response,
} from "./support/cosmos-http.ts";

interface Note extends Item {
  readonly text: string;
}

function note(id: string, text: string): Note {
  return { id, scope: "notes", text };
}

const HTML = "<html><body>Service Unavailable</body></html>";
const NOT_DONE: [string, Fault][] = [
  ["408", answer(408)],
  ["429 with the time to wait", answer(429, { "x-ms-retry-after-ms": "5", "x-ms-substatus": "3200" })],
  ["429 without", answer(429)],
  ["449", answer(449)],
  ["503", answer(503)],
  ["503 from a proxy, with a page of HTML", answer(503, {}, HTML)],
  ["503 without a body", answer(503, {}, "")],
  ["a connection that breaks before the request", resetBefore],
  ["no answer", hang],
];
const DONE: [string, Fault][] = [
  ["an answer that is lost", loseAnswer],
  ["408 though it was done", answerAfterwards(408)],
  ["503 though it was done", answerAfterwards(503)],
];

describe.skipIf(!EMULATOR)(`Cosmos DB: faults${WITHOUT_EMULATOR}`, () => {
  let emulator: CosmosEmulator;
  let fixture: CosmosFixture;
  const http = new FaultyHttp();
  let store: DocumentStore;
  /** Not disturbed by faults. */
  let other: DocumentStore;
  let partition: string;

  beforeAll(async () => {
    emulator = await startEmulator();
    fixture = await cosmosFixture(emulator, { httpClient: http, retryMs: 10_000, requestTimeoutMs: 500 });
    store = fixture.stores.documents.runs;
    other = (await fixture.another()).documents.runs;
  });
  beforeEach(() => {
    partition = freshName("p");
  });
  afterEach(() => http.reset());
  afterAll(async () => {
    await fixture?.close();
    emulator?.stop();
  });

  async function stored(): Promise<[string, string, ETag][]> {
    const items = (await collect(other.list<Note>(partition))).flat();
    return items.map(({ item, etag }) => [item.id, item.text, etag]);
  }

  describe.each([...NOT_DONE, ...DONE])("after %s", (_, fault) => {
    it("create: creates one, and returns its ETag", async () => {
      http.meets("create", fault);
      const etag = await store.create(partition, note("a", "mine"));
      expect(await stored()).toEqual([["a", "mine", etag]]);
    });

    it("create: raises AlreadyExists when somebody else's was there before", async () => {
      const theirs = await other.create(partition, note("a", "theirs"));
      http.meets("create", fault);
      await refuses(store.create(partition, note("a", "mine")), AlreadyExists);
      expect(await stored()).toEqual([["a", "theirs", theirs]]);
    });

    it("replace: replaces once, and returns the new ETag", async () => {
      const first = await other.create(partition, note("a", "first"));
      http.meets("replace", fault);
      const second = await store.replace(partition, note("a", "second"), first);
      expect(await stored()).toEqual([["a", "second", second]]);
    });

    it("replace: raises PreconditionFailed when somebody else was faster", async () => {
      const first = await other.create(partition, note("a", "first"));
      const theirs = await other.replace(partition, note("a", "theirs"), first);
      http.meets("replace", fault);
      await refuses(store.replace(partition, note("a", "mine"), first), PreconditionFailed);
      expect(await stored()).toEqual([["a", "theirs", theirs]]);
    });

    it("remove: is true, with an ETag and without", async () => {
      const etag = await other.create(partition, note("a", "first"));
      await other.create(partition, note("b", "first"));
      http.meets("remove", fault);
      expect(await store.remove(partition, "a", etag)).toBe(true);
      http.meets("batch", fault);
      expect(await store.remove(partition, "b")).toBe(true);
      expect(await stored()).toEqual([]);
    });

    it("batch: is done once, and returns the new ETags", async () => {
      const a = await other.create(partition, note("a", "first"));
      const b = await other.create(partition, note("b", "first"));
      http.meets("batch", fault);
      const etags = await store.batch(partition, [
        { kind: "replace", item: note("a", "second"), etag: a },
        { kind: "create", item: note("c", "new") },
        { kind: "remove", id: "b", etag: b },
      ]);
      expect(await stored()).toEqual([
        ["a", "second", etags[0]],
        ["c", "new", etags[1]],
      ]);
      expect(etags).toHaveLength(3);
    });

    it("batch: that only removes is done once", async () => {
      const a = await other.create(partition, note("a", "first"));
      const b = await other.create(partition, note("b", "first"));
      http.meets("batch", fault);
      await store.batch(partition, [
        { kind: "remove", id: "a", etag: a },
        { kind: "remove", id: "b", etag: b },
      ]);
      expect(await stored()).toEqual([]);
    });

    it("batch: raises PreconditionFailed when somebody else was faster, and does nothing", async () => {
      const first = await other.create(partition, note("a", "first"));
      const theirs = await other.replace(partition, note("a", "theirs"), first);
      http.meets("batch", fault);
      const writing = store.batch(partition, [
        { kind: "create", item: note("b", "mine") },
        { kind: "replace", item: note("a", "mine"), etag: first },
      ]);
      await refuses(writing, PreconditionFailed);
      expect(await stored()).toEqual([["a", "theirs", theirs]]);
    });

    it("get, list, changes: give what is there", async () => {
      const item = { ...note("a", "text"), scope: partition };
      await other.create(partition, item);
      http.meets("read", fault);
      expect((await store.get(partition, "a"))?.item).toEqual(item);
      http.meets("query", fault);
      expect((await collect(store.list(partition))).flat().map((it) => it.item)).toEqual([item]);
      http.meets("query", fault);
      expect((await store.changes(partition)).items.map((it) => it.item)).toEqual([item]);
    });
  });

  describe("races with a lost answer", () => {
    /** The request does not arrive, and before it is sent again somebody does something. */
    const meanwhile =
      (action: () => Promise<unknown>, fault: Fault = resetBefore): Fault =>
      async (request, send) => {
        try {
          return await fault(request, send);
        } finally {
          await action();
        }
      };

    it("create: raises AlreadyExists when somebody else creates before the second attempt", async () => {
      http.meets(
        "create",
        meanwhile(() => other.create(partition, note("a", "theirs"))),
      );
      await refuses(store.create(partition, note("a", "mine")), AlreadyExists);
      expect(await stored()).toEqual([["a", "theirs", expect.any(String)]]);
    });

    it("create: raises AlreadyExists when somebody else takes the unique value before the second attempt", async () => {
      const taken = { ...note("b", "theirs"), unique: "name" };
      http.meets(
        "create",
        meanwhile(() => other.create(partition, taken)),
      );
      await refuses(store.create(partition, { ...note("a", "mine"), unique: "name" }), AlreadyExists);
      expect(await stored()).toEqual([["b", "theirs", expect.any(String)]]);
    });

    it("replace: raises PreconditionFailed when somebody else replaces before the second attempt", async () => {
      const etag = await other.create(partition, note("a", "first"));
      http.meets(
        "replace",
        meanwhile(() => other.replace(partition, note("a", "theirs"), etag)),
      );
      await refuses(store.replace(partition, note("a", "mine"), etag), PreconditionFailed);
      expect(await stored()).toEqual([["a", "theirs", expect.any(String)]]);
    });

    it("batch: is done, though somebody else has changed one of its items since", async () => {
      const change = async () => {
        const { etag } = (await other.get(partition, "a"))!;
        await other.replace(partition, note("a", "theirs"), etag);
      };
      http.meets("batch", meanwhile(change, loseAnswer));
      const [a, b] = await store.batch(partition, [
        { kind: "create", item: note("a", "mine") },
        { kind: "create", item: note("b", "mine") },
      ]);
      expect(await stored()).toEqual([
        ["a", "theirs", expect.not.stringContaining(a!)],
        ["b", "mine", b],
      ]);
      await refuses(store.replace(partition, note("a", "again"), a!), PreconditionFailed);
    });

    it("create: knows its own work when looking for it fails at first", async () => {
      http.meets("create", loseAnswer);
      http.meets("read", answer(503));
      const etag = await store.create(partition, note("a", "mine"));
      expect(await stored()).toEqual([["a", "mine", etag]]);
    });

    it("create: knows its own work after several lost answers", async () => {
      http.meets("create", loseAnswer, answerAfterwards(503), resetBefore);
      const etag = await store.create(partition, note("a", "mine"));
      expect(await stored()).toEqual([["a", "mine", etag]]);
    });
  });

  it("batch: is tried again when an operation in it is throttled", async () => {
    http.meets("batch", async (request) => response(request, 207, [{ statusCode: 424 }, { statusCode: 429 }]));
    await store.batch(partition, [
      { kind: "create", item: note("a", "mine") },
      { kind: "create", item: note("b", "mine") },
    ]);
    expect(await stored()).toEqual([
      ["a", "mine", expect.any(String)],
      ["b", "mine", expect.any(String)],
    ]);
  });

  it("changes: asks for the plan of its query again when that failed", async () => {
    const fresh = (await fixture.another({ httpClient: http })).documents.runs;
    http.meets("plan", answer(503), resetBefore);
    await other.create(partition, { ...note("a", "text"), scope: partition });
    expect((await fresh.changes(partition)).items).toHaveLength(1);
  });

  describe("when it does not pass", () => {
    const calls: [string, RequestKind, (target: DocumentStore) => Promise<unknown>][] = [
      ["get", "read", (target) => target.get("p", "a")],
      ["create", "create", (target) => target.create("never", note("a", "text"))],
      ["replace", "replace", (target) => target.replace("never", note("a", "text"), "etag")],
      ["remove", "remove", (target) => target.remove("never", "a", "etag")],
      ["batch", "batch", (target) => target.batch("never", [{ kind: "create", item: note("a", "text") }])],
      ["list", "query", (target) => collect(target.list("p"))],
      ["changes", "query", (target) => target.changes("s")],
    ];

    async function errorOf(kind: RequestKind, fault: Fault, call: (target: DocumentStore) => Promise<unknown>) {
      const { documents } = await fixture.another({
        httpClient: http,
        retryMs: 100,
        requestTimeoutMs: fault === hang ? 50 : 5_000,
      });
      http.keepsMeeting(kind, fault);
      return call(documents.runs).then(
        (result) => expect.fail(`It gave ${JSON.stringify(result)}.`),
        (error: unknown) => error as Error & { code?: unknown; retryAfterSeconds?: number },
      );
    }

    it.each(calls)(
      "%s: raises StoreUnavailable, which says what happened last and what to do",
      async (_, kind, call) => {
        for (const [fault, words] of [
          [answer(503, {}, HTML), /503.*Try again later.*status of Azure/],
          [answer(429), /429.*Try again later.*raise the throughput/],
          [resetBefore, /ECONNRESET.*Try again later.*network/],
          [hang, /nothing in time.*Try again later/],
        ] as const) {
          http.reset();
          const error = await errorOf(kind, fault, call);
          expect(error).toBeInstanceOf(StoreUnavailable);
          expect(error.message).toMatch(words);
          expect(error.retryAfterSeconds).toBeGreaterThan(0);
        }
      },
    );

    it("create: the error says when it may have been carried out all the same", async () => {
      const create = calls[1]![2];
      expect((await errorOf("create", answer(429), create)).message).not.toContain("may have been carried out");
      http.reset();
      expect((await errorOf("create", answer(503), create)).message).toContain("may have been carried out");
    });

    it("create: raises StoreUnavailable at once when the service wants to be left alone for longer", async () => {
      const error = await errorOf("create", answer(429, { "x-ms-retry-after-ms": "60000" }), calls[1]![2]);
      expect(error).toBeInstanceOf(StoreUnavailable);
      expect(error.retryAfterSeconds).toBe(60);
      expect(http.count("create")).toBe(1);
    });

    it.each(calls)(
      "%s: refused credentials are an error of their own, tried once, and never mean absence",
      async (_, kind, call) => {
        for (const status of [401, 403]) {
          http.reset();
          const error = await errorOf(kind, answer(status, {}, { code: "Forbidden", message: "no right" }), call);
          expect(error).not.toBeInstanceOf(StoreError);
          expect(error).toMatchObject({ code: status, message: expect.stringContaining("no right") });
          // A query of all partitions asks each of them.
          expect(http.count(kind)).toBe(kind === "query" && call !== calls[5]![2] ? SERVICE_PARTITIONS : 1);
        }
      },
    );

    it.each(calls)("%s: an absent container is an error of its own, and never means absence", async (_, kind, call) => {
      const error = await errorOf(kind, answer(404, { "x-ms-substatus": "1003" }), call);
      expect(error).not.toBeInstanceOf(StoreError);
      expect(error).toMatchObject({ code: 404 });
    });

    it("a bad request is an error of its own, tried once", async () => {
      const error = await errorOf("create", answer(400, {}, "not JSON"), calls[1]![2]);
      expect(error).toMatchObject({ code: 400, message: expect.stringContaining("not JSON") });
      expect(http.count("create")).toBe(1);
    });
  });

  describe("pages of the service", () => {
    const ids = ["a", "b", "c", "d", "e"];

    /** An empty page with a token, with which the query begins. */
    const emptyPage: Fault = async (request) =>
      response(request, 200, { _rid: "", Documents: [], _count: 0 }, { "x-ms-continuation": "begin" });

    /** Sends a query on, with a page of one item, whatever was asked for. */
    const shortPage: Fault = (request, send) => {
      request.headers.set("x-ms-max-item-count", "1");
      if (request.headers.get("x-ms-continuation") === "begin") request.headers.delete("x-ms-continuation");
      return send(request);
    };

    beforeEach(async () => {
      for (const id of ids) await other.create(partition, { ...note(id, "text"), scope: partition });
    });

    it("list: goes on behind pages that are short, none of its own empty", async () => {
      http.keepsMeeting("query", shortPage);
      const pages = await collect(store.list(partition));
      expect(pages.map((page) => page.map(({ item }) => item.id))).toEqual(ids.map((id) => [id]));
    });

    it("list: goes on behind pages that are empty", async () => {
      http.meets("query", emptyPage);
      http.keepsMeeting("query", shortPage);
      const pages = await collect(store.list(partition));
      expect(pages.flat().map(({ item }) => item.id)).toEqual(ids);
    });

    it("changes: goes on behind pages that are short or empty", async () => {
      http.meets("query", ...Array.from({ length: SERVICE_PARTITIONS }, () => emptyPage));
      http.keepsMeeting("query", shortPage);
      const { items } = await store.changes(partition);
      expect(items.map(({ item }) => item.id).sort()).toEqual(ids);
    });
  });

  it("replace: of twenty racers whose answers are lost exactly one wins", async () => {
    const etag = await other.create(partition, note("a", "first"));
    http.meets("replace", ...Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? loseAnswer : resetBefore)));
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => store.replace(partition, note("a", `by ${i}`), etag)),
    );
    const winners = results.flatMap((it, i) => (it.status === "fulfilled" ? [[i, it.value] as const] : []));
    for (const it of results) if (it.status === "rejected") expect(it.reason).toBeInstanceOf(PreconditionFailed);
    expect(winners).toHaveLength(1);
    expect(await stored()).toEqual([["a", `by ${winners[0]![0]}`, winners[0]![1]]]);
  });
});
