import { expect, test } from "vitest";
import { getRanged } from "../../shared/http/ranges.ts";
import type { BlobStore } from "../../shared/stores/blob-store.ts";
import { embeddedFixture } from "../drivers/embedded-fixture.ts";

/** A store in which a blob has another content, one byte longer, at each look. */
function everChanging() {
  const fixture = embeddedFixture({});
  const { blobs } = fixture.stores;
  let writes = 0;
  const replaced = async () => blobs.put("artifacts/a", Buffer.alloc(10 + ++writes, String(writes % 10)));
  const store = {
    head: (name: string) => replaced().then(() => blobs.head(name)),
    get: (...given: Parameters<BlobStore["get"]>) => replaced().then(() => blobs.get(...given)),
  } as BlobStore;
  return { fixture, store };
}

test.each(["bytes=0-3", "bytes=4-", "bytes=-5", ""])(
  "getRanged: headers and bytes are of one state, whatever is written meanwhile (%s)",
  async (range) => {
    const { fixture, store } = everChanging();
    for (let i = 0; i < 20; i++) {
      const ranged = await getRanged(store, "artifacts/a", (name) => (name === "range" ? range : undefined));
      if (ranged?.status !== 200 && ranged?.status !== 206) throw new Error(`No content: ${ranged?.status}`);
      const chunks: Uint8Array[] = [];
      for await (const chunk of ranged.found.body) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString();
      const { size } = ranged.found.properties;
      expect(text.length).toBe(ranged.status === 206 ? ranged.last - ranged.first + 1 : size);
      expect(text).toBe(String((size - 10) % 10).repeat(text.length));
    }
    await fixture.close();
  },
);
