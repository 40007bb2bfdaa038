import { afterAll, beforeAll, describe } from "vitest";
import type { BlobStore } from "../../shared/stores/blob-store.ts";
import { appendLaws } from "./blobs/appends.ts";
import { blockLaws } from "./blobs/blocks.ts";
import { conditionLaws } from "./blobs/conditions.ts";
import { contentLaws } from "./blobs/content.ts";
import { handoverLaws } from "./blobs/handover.ts";
import { listingLaws } from "./blobs/listing.ts";
import { nameLaws } from "./blobs/names.ts";
import { signedUrlLaws } from "./blobs/signed-urls.ts";
import { streamLaws } from "./blobs/streams.ts";
import type { Unsupported } from "./support.ts";

/** A store without blobs. */
export interface BlobStoreFixture {
  readonly store: BlobStore;
  /** A further instance on the same data. The first one is not used afterwards, so it may be closed. */
  another(): Promise<BlobStore>;
  /** Lets time pass as the store sees it. */
  pass(seconds: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * - `block-expiry`: blocks go after a week, and `pass` makes them.
 * - `url-expiry`: signed URLs expire, and `pass` makes those of a few seconds.
 * - `signed-urls`: there is a server behind the signed URLs.
 * - `block-signatures`: the signature of a block's URL is for that block alone.
 * - `order-beyond-bmp`: names with characters beyond U+FFFF are listed in the order of their UTF-8 bytes.
 */
export type BlobStoreNeed = "block-expiry" | "url-expiry" | "signed-urls" | "block-signatures" | "order-beyond-bmp";

export interface BlobStoreSuite {
  readonly store: () => BlobStore;
  readonly pass: (seconds: number) => Promise<void>;
  readonly makeStore: () => Promise<BlobStoreFixture>;
  readonly unsupported: Unsupported<BlobStoreNeed>;
}

/** The laws of BlobStore, as tests. They share one store; each works below a prefix of its own in the container `artifacts`. */
export function blobStoreContract(
  name: string,
  makeStore: () => Promise<BlobStoreFixture>,
  { unsupported = {} }: { unsupported?: Unsupported<BlobStoreNeed> } = {},
): void {
  describe(`BlobStore: ${name}`, () => {
    let fixture: BlobStoreFixture;
    beforeAll(async () => {
      fixture = await makeStore();
    });
    afterAll(() => fixture?.close());
    const suite: BlobStoreSuite = {
      store: () => fixture.store,
      pass: (seconds) => fixture.pass(seconds),
      makeStore,
      unsupported,
    };
    contentLaws(suite);
    nameLaws(suite);
    conditionLaws(suite);
    streamLaws(suite);
    blockLaws(suite);
    handoverLaws(suite);
    appendLaws(suite);
    listingLaws(suite);
    signedUrlLaws(suite);
  });
}
