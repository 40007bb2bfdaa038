import { describe, expect, it } from "vitest";
import { type BlobStore, MAX_APPEND_BYTES } from "../../../shared/stores/blob-store.ts";
import { AlreadyExists, InvalidArgument, PreconditionFailed } from "../../../shared/stores/errors.ts";
import type { BlobStoreSuite } from "../blob-store.contract.ts";
import { collect, race, refuses } from "../support.ts";
import { bytesOf, freshBlob, MEGABYTE, pattern, read, readText, streamOf, utf8 } from "./bytes.ts";

const PIECES = 40;

export function appendLaws({ store, makeStore }: BlobStoreSuite): void {
  async function appendAll(to: BlobStore, name: string, ...pieces: readonly string[]): Promise<void> {
    let at = (await to.head(name))?.size ?? 0;
    for (const piece of pieces) {
      await to.append(name, utf8(piece), at);
      at += utf8(piece).length;
    }
  }

  describe("appends", () => {
    it("append: makes a blob of the pieces in order", async () => {
      const name = freshBlob();
      await appendAll(store(), name, "one ", "zwei ö ", "three");
      expect(await readText(store(), name)).toBe("one zwei ö three");
      expect(await store().head(name)).toMatchObject({ name, size: 17, contentType: "application/octet-stream" });
      expect((await collect(store().list(name))).flatMap(({ blobs }) => blobs)).toEqual([await store().head(name)]);
    });

    it("append: takes pieces of 1 byte to 4 MiB, readable in ranges across their borders", async () => {
      const name = freshBlob();
      let at = 0;
      for (const length of [1, MAX_APPEND_BYTES, 70_000, 2]) {
        await store().append(name, pattern(length, 0, at), at);
        at += length;
      }
      expect((await read(store(), name)).equals(pattern(at))).toBe(true);
      for (const [first, last] of [
        [0, 1],
        [MAX_APPEND_BYTES - 5, MAX_APPEND_BYTES + 5],
        [MEGABYTE, at + 10],
        [at, at + 10],
      ] as const) {
        const length = Math.max(0, Math.min(last, at - 1) - first + 1);
        expect((await read(store(), name, { first, last })).equals(pattern(length, 0, first))).toBe(true);
      }
    });

    it("append: each changes the ETag", async () => {
      const name = freshBlob();
      const etags = new Set<string>();
      for (let at = 0; at < 3; at++) {
        await store().append(name, utf8("x"), at);
        etags.add((await store().head(name))!.etag);
      }
      expect(etags.size).toBe(3);
    });

    it.each([0, 2, 4, 100])("append: at %i of 3 bytes raises PreconditionFailed, and adds nothing", async (at) => {
      const name = freshBlob();
      await store().append(name, utf8("abc"), 0);
      await refuses(store().append(name, utf8("abc"), at), PreconditionFailed);
      expect(await readText(store(), name)).toBe("abc");
    });

    it("append: behind the beginning of a blob that is absent raises PreconditionFailed, and makes none", async () => {
      const name = freshBlob();
      await refuses(store().append(name, utf8("x"), 1), PreconditionFailed);
      expect(await store().head(name)).toBeUndefined();
    });

    it.each([
      ["no bytes", 0, 0],
      ["more than 4 MiB", MAX_APPEND_BYTES + 1, 0],
      ["a position below 0", 1, -1],
      ["a position that is no whole number", 1, 0.5],
    ])("append: %s raises InvalidArgument", async (_, length, at) => {
      const name = freshBlob();
      await refuses(store().append(name, pattern(length), at), InvalidArgument);
      expect(await store().head(name)).toBeUndefined();
    });

    it.each([0, 6])("append: of many at position %i one succeeds", async (at) => {
      for (let round = 0; round < 5; round++) {
        const name = freshBlob();
        if (at > 0) await store().append(name, utf8("begun "), 0);
        const piece = (racer: number) => `racer ${racer}${" and more".repeat(racer)}`;
        const attempt = (racer: number) => store().append(name, utf8(piece(racer)), at);
        const winners = await race(10, attempt, PreconditionFailed);
        expect(winners).toHaveLength(1);
        expect(await readText(store(), name, { first: at })).toBe(piece(winners[0]!));
      }
    });

    it("append: who reads meanwhile gets a beginning of the whole, made of whole pieces", async () => {
      const name = freshBlob();
      const whole = Array.from({ length: PIECES }, (_, i) => `piece ${i}${".".repeat(i)}\n`);
      let done = false;
      const seen: string[] = [];
      const reader = (async () => {
        while (!done) {
          await new Promise(setImmediate);
          const found = await store().get(name);
          if (found !== undefined) seen.push((await bytesOf(found)).toString());
        }
      })();
      await appendAll(store(), name, ...whole);
      done = true;
      await reader;
      const beginnings = whole.map((_, i) => whole.slice(0, i).join(""));
      for (const text of seen) expect([...beginnings, whole.join("")]).toContain(text);
      expect(await readText(store(), name)).toBe(whole.join(""));
    });

    it("append: a reader that began before goes on with what it began with, or fails", async () => {
      const name = freshBlob();
      await store().append(name, pattern(3 * MEGABYTE), 0);
      const found = await store().get(name);
      await store().append(name, utf8("more"), 3 * MEGABYTE);
      const bytes = await bytesOf(found).catch(() => undefined);
      if (bytes !== undefined) expect(bytes.equals(pattern(3 * MEGABYTE))).toBe(true);
    });

    it("append: goes on in another instance", async () => {
      const fixture = await makeStore();
      try {
        const name = freshBlob();
        await appendAll(fixture.store, name, "before ");
        const another = await fixture.another();
        await appendAll(another, name, "and after");
        expect(await readText(another, name)).toBe("before and after");
      } finally {
        await fixture.close();
      }
    });

    it("append: to a blob that was written whole, or of blocks, raises InvalidArgument", async () => {
      const [name, empty, blocks] = [freshBlob(), freshBlob(), freshBlob()];
      await store().put(name, utf8("whole"));
      await store().put(empty, utf8(""));
      await store().stageBlock(blocks, "b1", utf8("block"));
      await store().commitBlocks(blocks, ["b1"]);
      for (const each of [name, empty, blocks]) {
        const { size } = (await store().head(each))!;
        await refuses(store().append(each, utf8("x"), size), InvalidArgument);
      }
      expect(await readText(store(), name)).toBe("whole");
    });

    it("stageBlock, commitBlocks: raise InvalidArgument where a blob was appended", async () => {
      const name = freshBlob();
      await appendAll(store(), name, "appended");
      await refuses(store().stageBlock(name, "b1", utf8("block")), InvalidArgument);
      await refuses(store().commitBlocks(name, []), InvalidArgument);
      expect(await readText(store(), name)).toBe("appended");
    });

    it("put: replaces a blob that was appended, under its conditions", async () => {
      const name = freshBlob();
      await appendAll(store(), name, "a", "b");
      await refuses(store().put(name, utf8("new"), { ifNoneMatch: "*" }), AlreadyExists);
      const { etag } = (await store().head(name))!;
      await appendAll(store(), name, "c");
      await refuses(store().put(name, utf8("new"), { ifMatch: etag }), PreconditionFailed);
      await store().put(name, utf8("new"), { ifMatch: (await store().head(name))!.etag });
      expect(await readText(store(), name)).toBe("new");
      await refuses(store().append(name, utf8("x"), 3), InvalidArgument);
    });

    it("put: of a large stream replaces a blob that was appended, or raises InvalidArgument and leaves it", async () => {
      const name = freshBlob();
      await appendAll(store(), name, "appended");
      const refusal = await store()
        .put(name, streamOf(pattern(5 * MEGABYTE)))
        .then(() => undefined)
        .catch((error) => error);
      if (refusal !== undefined) expect(refusal).toBeInstanceOf(InvalidArgument);
      const expected = refusal === undefined ? pattern(5 * MEGABYTE) : Buffer.from("appended");
      expect((await read(store(), name)).equals(expected)).toBe(true);
    });

    it("remove: takes a blob that was appended, and another may begin", async () => {
      const name = freshBlob();
      await appendAll(store(), name, "first ", "log");
      expect(await store().remove(name)).toBe(true);
      expect(await store().head(name)).toBeUndefined();
      await appendAll(store(), name, "second");
      expect(await readText(store(), name)).toBe("second");
    });
  });
}
