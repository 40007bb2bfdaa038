import { describe, expect, it } from "vitest";
import { AlreadyExists, PreconditionFailed } from "../../../shared/stores/errors.ts";
import type { BlobStoreSuite } from "../blob-store.contract.ts";
import { RACERS, race, refuses } from "../support.ts";
import { freshBlob, readText, streamOf, utf8 } from "./bytes.ts";

const BLOB_ROUNDS = 5;

export function conditionLaws({ store }: BlobStoreSuite): void {
  describe("conditions", () => {
    it("ifNoneMatch: writes only where nothing is", async () => {
      const name = freshBlob();
      const first = await store().put(name, utf8("first"), { ifNoneMatch: "*" });
      await refuses(store().put(name, utf8("second"), { ifNoneMatch: "*" }), AlreadyExists);
      expect(await store().head(name)).toEqual(first);
      expect(await readText(store(), name)).toBe("first");
    });

    it("ifMatch: writes only over the state of that ETag", async () => {
      const name = freshBlob();
      const first = await store().put(name, utf8("first"));
      await store().put(name, utf8("second"), { ifMatch: first.etag });
      await refuses(store().put(name, utf8("third"), { ifMatch: first.etag }), PreconditionFailed);
      expect(await readText(store(), name)).toBe("second");
    });

    it("ifMatch: raises PreconditionFailed when the blob is gone", async () => {
      const name = freshBlob();
      const { etag } = await store().put(name, utf8("first"));
      await store().remove(name);
      await refuses(store().put(name, utf8("second"), { ifMatch: etag }), PreconditionFailed);
      expect(await store().head(name)).toBeUndefined();
    });

    it("ifMatch: raises PreconditionFailed when the blob changes while its stream is read", async () => {
      const name = freshBlob();
      const { etag } = await store().put(name, utf8("first"));
      const body = (async function* () {
        yield utf8("slow ");
        await store().put(name, utf8("fast"));
        yield utf8("writer");
      })();
      await refuses(store().put(name, body, { ifMatch: etag }), PreconditionFailed);
      expect(await readText(store(), name)).toBe("fast");
    });

    it("ifNoneMatch: lets one of twenty racers win, in rounds", async () => {
      for (let round = 0; round < BLOB_ROUNDS; round++) {
        const name = freshBlob();
        const attempt = (racer: number) => store().put(name, streamOf("by ", `${racer}`), { ifNoneMatch: "*" });
        const winners = await race(RACERS, attempt, AlreadyExists);
        expect(winners).toHaveLength(1);
        expect(await readText(store(), name)).toBe(`by ${winners[0]}`);
      }
    });

    it("ifMatch: lets one of twenty racers win, in rounds", async () => {
      const name = freshBlob();
      let { etag } = await store().put(name, utf8("start"));
      for (let round = 0; round < BLOB_ROUNDS; round++) {
        const attempt = (racer: number) => store().put(name, streamOf(`${round} `, `${racer}`), { ifMatch: etag });
        const winners = await race(RACERS, attempt, PreconditionFailed);
        expect(winners).toHaveLength(1);
        expect(await readText(store(), name)).toBe(`${round} ${winners[0]}`);
        etag = (await store().head(name))!.etag;
      }
    });

    it("put: of twenty unconditional racers, one is there whole", async () => {
      const name = freshBlob();
      const contents = Array.from({ length: RACERS }, (_, racer) =>
        String.fromCharCode(97 + racer).repeat(100_000 + racer),
      );
      await Promise.all(contents.map((content) => store().put(name, streamOf(content.slice(0, 9), content.slice(9)))));
      expect(contents).toContain(await readText(store(), name));
    });
  });
}
