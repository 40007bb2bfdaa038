import { describe, expect, it } from "vitest";
import { InvalidArgument } from "../../../shared/stores/errors.ts";
import type { BlobStoreSuite } from "../blob-store.contract.ts";
import { collect, refuses } from "../support.ts";
import { freshBlob, MEGABYTE, pattern, read, readText, utf8 } from "./bytes.ts";

export function handoverLaws({ store }: BlobStoreSuite): void {
  describe("handOver", () => {
    it("handOver: makes a blob of another one's content and type, and leaves that empty", async () => {
      const [from, to] = [freshBlob(), freshBlob()];
      const body = pattern(5 * MEGABYTE);
      await store().stageBlock(from, "b1", body);
      await store().stageBlock(from, "b2", utf8("end"));
      await store().commitBlocks(from, ["b1", "b2"], { contentType: "text/plain" });
      await store().handOver(from, to);
      expect(await store().head(to)).toMatchObject({ name: to, size: body.length + 3, contentType: "text/plain" });
      expect((await read(store(), to)).equals(Buffer.concat([body, utf8("end")]))).toBe(true);
      expect((await store().head(from))?.size).toBe(0);
      expect(await readText(store(), from)).toBe("");
    });

    it("handOver: replaces what is there, also into another container", async () => {
      const from = freshBlob().replace("artifacts/", "uploads/");
      const to = freshBlob();
      const { etag } = await store().put(to, utf8("old"));
      await store().put(from, utf8("new"));
      await store().handOver(from, to);
      expect(await readText(store(), to)).toBe("new");
      expect((await store().head(to))?.etag).not.toBe(etag);
    });

    it("handOver: done again it changes nothing, whatever became of the other blob", async () => {
      const [from, to] = [freshBlob(), freshBlob()];
      await store().put(from, utf8("given"));
      await store().handOver(from, to);
      await store().handOver(from, to);
      expect(await readText(store(), to)).toBe("given");
      await store().put(to, utf8("later"));
      await store().handOver(from, to);
      expect(await readText(store(), to)).toBe("later");
      await store().remove(to);
      await store().handOver(from, to);
      expect(await store().head(to)).toBeUndefined();
    });

    it("handOver: of new content it gives that", async () => {
      const [from, to] = [freshBlob(), freshBlob()];
      for (const content of ["first", "second"]) {
        await store().put(from, utf8(content));
        await store().handOver(from, to);
        expect(await readText(store(), to)).toBe(content);
      }
    });

    it("handOver: each blob keeps its content when the other is replaced or removed", async () => {
      const [from, to] = [freshBlob(), freshBlob()];
      await store().put(from, utf8("given"));
      await store().handOver(from, to);
      await store().put(from, utf8("other"));
      expect(await readText(store(), to)).toBe("given");
      await store().remove(to);
      expect(await readText(store(), from)).toBe("other");
    });

    it("handOver: two at once give it once", async () => {
      const [from, to] = [freshBlob(), freshBlob()];
      await store().put(from, pattern(MEGABYTE));
      await Promise.all([store().handOver(from, to), store().handOver(from, to)]);
      expect((await read(store(), to)).equals(pattern(MEGABYTE))).toBe(true);
    });

    it("handOver: a reader that began before goes on with what it read, or fails", async () => {
      const [from, to] = [freshBlob(), freshBlob()];
      await store().put(to, pattern(4 * MEGABYTE, 1));
      const iterator = (await store().get(to))!.body[Symbol.asyncIterator]();
      const chunks = [(await iterator.next()).value as Uint8Array];
      await store().put(from, utf8("new"));
      await store().handOver(from, to);
      const rest = await collect({ [Symbol.asyncIterator]: () => iterator }).catch(() => undefined);
      if (rest !== undefined) expect(Buffer.concat([...chunks, ...rest]).equals(pattern(4 * MEGABYTE, 1))).toBe(true);
      expect(await readText(store(), to)).toBe("new");
    });

    it("handOver: raises InvalidArgument where there is nothing, and keeps what is there", async () => {
      const [from, to] = [freshBlob(), freshBlob()];
      await store().put(to, utf8("kept"));
      await refuses(store().handOver(from, to), InvalidArgument);
      expect(await readText(store(), to)).toBe("kept");
    });

    it("commitBlocks: of none, and then removed, leaves nothing of what was staged", async () => {
      const name = freshBlob();
      await store().stageBlock(name, "b1", utf8("staged"));
      await store().commitBlocks(name, []);
      await store().remove(name);
      await refuses(store().commitBlocks(name, ["b1"]), InvalidArgument);
      expect(await store().head(name)).toBeUndefined();
    });
  });
}
