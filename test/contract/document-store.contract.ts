import { afterAll, beforeAll, describe } from "vitest";
import type { DocumentStore } from "../../shared/stores/document-store.ts";
import { batchLaws } from "./documents/batch.ts";
import { changesLaws } from "./documents/changes.ts";
import { durabilityLaws } from "./documents/durability.ts";
import { ensureLaws } from "./documents/ensure.ts";
import { expiryLaws } from "./documents/expiry.ts";
import { itemLaws } from "./documents/items.ts";
import { listLaws } from "./documents/list.ts";
import { uniqueLaws } from "./documents/unique.ts";
import { valueLaws } from "./documents/values.ts";
import type { Unsupported } from "./support.ts";

/** An empty container. */
export interface DocumentStoreFixture {
  readonly store: DocumentStore;
  /** A further instance on the same data. The first one is not used afterwards, so it may be closed. */
  another(): Promise<DocumentStore>;
  /** Lets time pass as the store sees it. */
  pass(seconds: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * - `ttl-expiry`: items expire, and `pass` makes them.
 * - `order-within-a-second`: `changes` tells the order of writes of one second.
 */
export type DocumentStoreNeed = "ttl-expiry" | "order-within-a-second";

export interface DocumentStoreSuite {
  readonly store: () => DocumentStore;
  readonly pass: (seconds: number) => Promise<void>;
  readonly makeStore: () => Promise<DocumentStoreFixture>;
  readonly unsupported: Unsupported<DocumentStoreNeed>;
}

/** The laws of DocumentStore, as tests. They share one container; each works in partitions and scopes of its own. */
export function documentStoreContract(
  name: string,
  makeStore: () => Promise<DocumentStoreFixture>,
  { unsupported = {} }: { unsupported?: Unsupported<DocumentStoreNeed> } = {},
): void {
  describe(`DocumentStore: ${name}`, () => {
    let fixture: DocumentStoreFixture;
    beforeAll(async () => {
      fixture = await makeStore();
    });
    afterAll(() => fixture?.close());
    const suite: DocumentStoreSuite = {
      store: () => fixture.store,
      pass: (seconds) => fixture.pass(seconds),
      makeStore,
      unsupported,
    };
    itemLaws(suite);
    ensureLaws(suite);
    uniqueLaws(suite);
    batchLaws(suite);
    listLaws(suite);
    changesLaws(suite);
    valueLaws(suite);
    expiryLaws(suite);
    durabilityLaws(suite);
  });
}
