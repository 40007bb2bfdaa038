import { describe, expect, it } from "vitest";
import type { ByteRange } from "../../../shared/stores/blob-store.ts";
import type { BlobStoreSuite } from "../blob-store.contract.ts";
import { bytesOf, freshBlob, pattern, read, readText, streamOf, utf8 } from "./bytes.ts";

export function contentLaws({ store, makeStore }: BlobStoreSuite): void {
  describe("content", () => {
    it("get, head: are undefined for what is not there", async () => {
      const name = freshBlob();
      expect(await store().get(name)).toBeUndefined();
      expect(await store().get(name, { first: 0, last: 1 })).toBeUndefined();
      expect(await store().head(name)).toBeUndefined();
    });

    it("put: keeps bytes and properties, and head and get return what put returned", async () => {
      const name = freshBlob();
      const properties = await store().put(name, utf8("hello"), { contentType: "text/plain; charset=utf-8" });
      expect(properties).toEqual({
        name,
        size: 5,
        etag: expect.any(String),
        contentType: "text/plain; charset=utf-8",
        lastModifiedMs: expect.any(Number),
      });
      expect(await store().head(name)).toEqual(properties);
      expect((await store().get(name))?.properties).toEqual(properties);
      expect(await readText(store(), name)).toBe("hello");
    });

    it("put: has the content type application/octet-stream unless told", async () => {
      expect((await store().put(freshBlob(), utf8("x"))).contentType).toBe("application/octet-stream");
    });

    it.each([
      ["bytes", () => new Uint8Array(0)],
      ["a stream without chunks", () => streamOf()],
      ["a stream of empty chunks", () => streamOf("", "")],
    ])("put: takes an empty blob from %s", async (_, body) => {
      const name = freshBlob();
      expect((await store().put(name, body())).size).toBe(0);
      expect((await store().get(name))?.properties.size).toBe(0);
      expect(await readText(store(), name)).toBe("");
      expect(await readText(store(), name, { first: 0, last: 9 })).toBe("");
    });

    it("put: takes a stream of chunks of any size", async () => {
      const name = freshBlob();
      const sizes = [1, 0, 70_000, 3, 300_000, 65_536, 262_144, 5];
      const whole = pattern(sizes.reduce((sum, size) => sum + size));
      const ends = sizes.map((_, i) => sizes.slice(0, i + 1).reduce((sum, size) => sum + size));
      const chunks = sizes.map((size, i) => whole.subarray(ends[i]! - size, ends[i]));
      expect((await store().put(name, streamOf(...chunks))).size).toBe(whole.length);
      expect((await read(store(), name)).equals(whole)).toBe(true);
    });

    it("put: takes a part of a greater buffer", async () => {
      const name = freshBlob();
      await store().put(name, pattern(1_000).subarray(100, 110));
      expect((await read(store(), name)).equals(pattern(10, 0, 100))).toBe(true);
    });

    it("put: replaces content and properties under a new ETag", async () => {
      const name = freshBlob();
      const first = await store().put(name, utf8("a long first content"), { contentType: "text/plain" });
      const second = await store().put(name, utf8("second"));
      expect(second.etag).not.toBe(first.etag);
      expect(await store().head(name)).toEqual(second);
      expect(await readText(store(), name)).toBe("second");
    });

    it("put: changes the ETag even when the content stays the same", async () => {
      const name = freshBlob();
      const first = await store().put(name, utf8("same"));
      expect((await store().put(name, utf8("same"))).etag).not.toBe(first.etag);
    });

    it("remove: is true when it was there, false when not", async () => {
      const name = freshBlob();
      await store().put(name, utf8("x"));
      expect(await store().remove(name)).toBe(true);
      expect(await store().get(name)).toBeUndefined();
      expect(await store().remove(name)).toBe(false);
    });

    it.each<[string, ByteRange, string]>([
      ["from the start", { first: 0, last: 3 }, "0123"],
      ["in the middle", { first: 4, last: 6 }, "456"],
      ["one byte", { first: 9, last: 9 }, "9"],
      ["to the end", { first: 7 }, "789"],
      ["all of it", { first: 0 }, "0123456789"],
      ["up to the last byte", { first: 5, last: 9 }, "56789"],
      ["across the end", { first: 8, last: 100 }, "89"],
      ["at the end", { first: 10 }, ""],
      ["behind the end", { first: 50, last: 60 }, ""],
    ])("get: gives a range %s", async (_, range, expected) => {
      const name = freshBlob();
      await store().put(name, utf8("0123456789"));
      const download = await store().get(name, range);
      expect(download?.properties.size).toBe(10);
      expect((await bytesOf(download)).toString()).toBe(expected);
    });

    it("get: gives ranges of a blob of many chunks", async () => {
      const name = freshBlob();
      await store().put(name, pattern(1_000_000));
      for (const [first, last] of [
        [0, 0],
        [65_535, 65_536],
        [262_143, 800_000],
        [999_999, 2_000_000],
      ] as const) {
        const expected = pattern(Math.min(last, 999_999) - first + 1, 0, first);
        expect((await read(store(), name, { first, last })).equals(expected)).toBe(true);
      }
    });

    it("instances: another one sees what was acknowledged", async () => {
      const fixture = await makeStore();
      try {
        const kept = await fixture.store.put("artifacts/kept", utf8("kept"), { contentType: "text/plain" });
        await fixture.store.put("artifacts/removed", utf8("x"));
        await fixture.store.remove("artifacts/removed");
        await fixture.store.stageBlock("artifacts/staged", "b1", utf8("block"));
        const other = await fixture.another();
        expect(await other.head("artifacts/kept")).toEqual(kept);
        expect(await readText(other, "artifacts/kept")).toBe("kept");
        expect(await other.head("artifacts/removed")).toBeUndefined();
        await other.commitBlocks("artifacts/staged", ["b1"]);
        expect(await readText(other, "artifacts/staged")).toBe("block");
      } finally {
        await fixture.close();
      }
    });
  });
}
