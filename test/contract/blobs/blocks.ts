import { describe, expect, it } from "vitest";
import { AlreadyExists, InvalidArgument, PreconditionFailed } from "../../../shared/stores/errors.ts";
import type { BlobStoreSuite } from "../blob-store.contract.ts";
import { collect, freshName, itNeeding, refuses } from "../support.ts";
import { failing, freshBlob, MEGABYTE, pattern, read, readText, SourceFailed, streamOf, utf8 } from "./bytes.ts";

const WEEK_SECONDS = 7 * 24 * 3600;

export function blockLaws({ store, pass, unsupported }: BlobStoreSuite): void {
  async function stage(name: string, blocks: Record<string, string>): Promise<void> {
    for (const [id, text] of Object.entries(blocks)) await store().stageBlock(name, id, utf8(text));
  }

  describe("blocks", () => {
    it("commitBlocks: makes the blob of the blocks in the order given", async () => {
      const name = freshBlob();
      await stage(name, { b1: "one ", b2: "two ", b3: "three " });
      const properties = await store().commitBlocks(name, ["b3", "b1", "b2"], { contentType: "text/plain" });
      expect(properties).toMatchObject({ name, size: 14, contentType: "text/plain" });
      expect(await store().head(name)).toEqual(properties);
      expect(await readText(store(), name)).toBe("three one two ");
    });

    it("stageBlock: makes no blob yet", async () => {
      const folder = `artifacts/${freshName("blocks")}/`;
      await stage(`${folder}a`, { b1: "x" });
      expect(await store().head(`${folder}a`)).toBeUndefined();
      expect(await store().get(`${folder}a`)).toBeUndefined();
      expect(await collect(store().list(folder))).toEqual([]);
    });

    it("stageBlock: leaves the blob that is there until the commit", async () => {
      const name = freshBlob();
      await store().put(name, utf8("old"));
      await stage(name, { b1: "new" });
      expect(await readText(store(), name)).toBe("old");
      await store().commitBlocks(name, ["b1"]);
      expect(await readText(store(), name)).toBe("new");
    });

    it("stageBlock: an id staged again replaces the block", async () => {
      const name = freshBlob();
      await stage(name, { b1: "first", b2: "!" });
      await stage(name, { b1: "second" });
      await store().commitBlocks(name, ["b1", "b2"]);
      expect(await readText(store(), name)).toBe("second!");
    });

    it("stageBlock: a stream that fails leaves the block as it was", async () => {
      const name = freshBlob();
      await stage(name, { b1: "old" });
      await refuses(store().stageBlock(name, "b1", failing(pattern(MEGABYTE))), SourceFailed);
      await refuses(store().stageBlock(name, "b2", failing(utf8("x"))), SourceFailed);
      await refuses(store().commitBlocks(name, ["b1", "b2"]), InvalidArgument);
      await store().commitBlocks(name, ["b1"]);
      expect(await readText(store(), name)).toBe("old");
    });

    it("commitBlocks: raises InvalidArgument for an unknown block, and keeps blob and blocks", async () => {
      const name = freshBlob();
      await store().put(name, utf8("old"));
      await stage(name, { b1: "new" });
      await refuses(store().commitBlocks(name, ["b1", "b9"]), InvalidArgument);
      expect(await readText(store(), name)).toBe("old");
      await store().commitBlocks(name, ["b1"]);
      expect(await readText(store(), name)).toBe("new");
    });

    it("commitBlocks: does not take the blocks of another blob", async () => {
      const [name, other] = [freshBlob(), freshBlob()];
      await stage(name, { b1: "x" });
      await refuses(store().commitBlocks(other, ["b1"]), InvalidArgument);
    });

    it("commitBlocks: drops the staged blocks it did not take", async () => {
      const name = freshBlob();
      await stage(name, { b1: "taken", b2: "dropped" });
      await store().commitBlocks(name, ["b1"]);
      await refuses(store().commitBlocks(name, ["b2"]), InvalidArgument);
      expect(await readText(store(), name)).toBe("taken");
    });

    it("commitBlocks: of no blocks makes an empty blob", async () => {
      const name = freshBlob();
      await store().put(name, utf8("old"));
      expect((await store().commitBlocks(name, [])).size).toBe(0);
      expect(await readText(store(), name)).toBe("");
    });

    it("commitBlocks: heeds ifNoneMatch and ifMatch, and keeps the blocks when they fail", async () => {
      const name = freshBlob();
      const { etag } = await store().put(name, utf8("old"));
      await stage(name, { b1: "new" });
      await refuses(store().commitBlocks(name, ["b1"], { ifNoneMatch: "*" }), AlreadyExists);
      await refuses(store().commitBlocks(name, ["b1"], { ifMatch: "0x0" }), PreconditionFailed);
      expect(await readText(store(), name)).toBe("old");
      await store().commitBlocks(name, ["b1"], { ifMatch: etag });
      expect(await readText(store(), name)).toBe("new");
    });

    it("commitBlocks: makes a blob of many large blocks, readable in ranges across their borders", async () => {
      const name = freshBlob();
      const size = 100_000;
      const ids = Array.from({ length: 120 }, (_, i) => `block-${String(i).padStart(4, "0")}`);
      await Promise.all(ids.map((id, i) => store().stageBlock(name, id, streamOf(pattern(size, 0, i * size)))));
      expect((await store().commitBlocks(name, ids)).size).toBe(120 * size);
      expect((await read(store(), name)).equals(pattern(120 * size))).toBe(true);
      for (const [first, last] of [
        [0, 0],
        [99_999, 100_000],
        [250_000, 749_999],
        [11_999_999, 12_500_000],
      ] as const) {
        const length = Math.min(last, 120 * size - 1) - first + 1;
        expect((await read(store(), name, { first, last })).equals(pattern(length, 0, first))).toBe(true);
      }
    });

    it("commitBlocks: a reader that began before goes on with the old content, or fails", async () => {
      const name = freshBlob();
      await store().stageBlock(name, "b1", pattern(4 * MEGABYTE, 1));
      await store().commitBlocks(name, ["b1"]);
      const iterator = (await store().get(name))!.body[Symbol.asyncIterator]();
      const chunks = [(await iterator.next()).value as Uint8Array];
      await stage(name, { b1: "new" });
      await store().commitBlocks(name, ["b1"]);
      const rest = await collect({ [Symbol.asyncIterator]: () => iterator }).catch(() => undefined);
      if (rest !== undefined) expect(Buffer.concat([...chunks, ...rest]).equals(pattern(4 * MEGABYTE, 1))).toBe(true);
      expect(await readText(store(), name)).toBe("new");
    });

    it("stageBlock: raises InvalidArgument for an id of another length than the blob's other ids", async () => {
      const name = freshBlob();
      await stage(name, { b1: "x" });
      await refuses(store().stageBlock(name, "b10", utf8("y")), InvalidArgument);
    });

    it("stageBlock: takes ids of 64 characters, and of letters, digits, _ and -", async () => {
      const [name, other] = [freshBlob(), freshBlob()];
      await stage(name, { ["B".repeat(64)]: "x" });
      await store().commitBlocks(name, ["B".repeat(64)]);
      await stage(other, { "aZ0_-": "y", "az0_-": "z" });
      await store().commitBlocks(other, ["az0_-", "aZ0_-"]);
      expect(await readText(store(), other)).toBe("zy");
    });

    it.each(["", "b".repeat(65), "a b", "a/b", "é", "a=", "a\n"])(
      "stageBlock: %j raises InvalidArgument",
      async (id) => {
        await refuses(store().stageBlock(freshBlob(), id, utf8("x")), InvalidArgument);
      },
    );

    itNeeding(unsupported)("block-expiry")("stageBlock: blocks go a week after the last one was staged", async () => {
      const name = freshBlob();
      await stage(name, { b1: "one " });
      await pass(WEEK_SECONDS - 60);
      await stage(name, { b2: "two" });
      await pass(WEEK_SECONDS - 60);
      await store().commitBlocks(name, ["b1", "b2"]);
      expect(await readText(store(), name)).toBe("one two");
      await stage(name, { b1: "three" });
      await pass(WEEK_SECONDS + 60);
      await refuses(store().commitBlocks(name, ["b1"]), InvalidArgument);
    });
  });
}
