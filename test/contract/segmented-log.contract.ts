import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SegmentedLog } from "../../shared/domain/logs/segmented-log.ts";
import type { BlobStore, ByteRange } from "../../shared/stores/blob-store.ts";
import { InvalidArgument, PreconditionFailed, StoreUnavailable, TooLarge } from "../../shared/stores/errors.ts";
import type { BlobStoreFixture } from "./blob-store.contract.ts";
import { pattern, utf8 } from "./blobs/bytes.ts";
import { collect, freshName, race, refuses } from "./support.ts";

type BlobsFixture = Pick<BlobStoreFixture, "store" | "close">;

/** The same blobs, each of which takes only so many pieces. */
function withFewPieces(blobs: BlobStore, most: number): BlobStore {
  const pieces = new Map<string, number>();
  const append: BlobStore["append"] = async (name, bytes, at) => {
    const count = pieces.get(name) ?? 0;
    if (count >= most && (await blobs.head(name))?.size === at) throw new TooLarge(`${name} is full.`);
    await blobs.append(name, bytes, at);
    pieces.set(name, (pieces.get(name) ?? 0) + 1);
  };
  return overriding(blobs, { append });
}

function overriding(blobs: BlobStore, methods: Partial<BlobStore>): BlobStore {
  const get = (target: BlobStore, key: keyof BlobStore) =>
    methods[key] ?? (target[key] as (...values: unknown[]) => unknown).bind(target);
  return new Proxy(blobs, { get: get as never });
}

async function bytesIn(log: SegmentedLog, range?: ByteRange): Promise<Buffer> {
  return Buffer.concat(await collect((await log.read(range)).body));
}

async function textIn(log: SegmentedLog, range?: ByteRange): Promise<string> {
  return (await bytesIn(log, range)).toString();
}

/** What the log promises, over whichever blobs. */
export function segmentedLogContract(name: string, makeStore: () => Promise<BlobsFixture>): void {
  describe(`SegmentedLog: ${name}`, () => {
    let fixture: BlobsFixture;
    let blobs: BlobStore;
    beforeAll(async () => {
      fixture = await makeStore();
      blobs = withFewPieces(fixture.store, 3);
    });
    afterAll(() => fixture?.close());

    const freshLog = () => `artifacts/${freshName("log")}`;
    const open = (prefix: string) => new SegmentedLog(blobs, prefix);

    async function append(log: SegmentedLog, ...pieces: readonly string[]): Promise<void> {
      for (const piece of pieces) await log.append(utf8(piece), await log.size());
    }

    it("size, read: a log that nobody has written has no bytes", async () => {
      const log = open(freshLog());
      expect(await log.size()).toBe(0);
      expect((await log.read()).size).toBe(0);
      expect(await textIn(log)).toBe("");
    });

    it("append: goes on in new segments, and all pieces in order are the log", async () => {
      const prefix = freshLog();
      const log = open(prefix);
      let at = 0;
      for (let n = 1; n <= 8; n++) {
        await log.append(pattern(n * 100, 0, at), at);
        at += n * 100;
      }
      for (const reader of [log, open(prefix)]) {
        expect(await reader.size()).toBe(3_600);
        expect((await bytesIn(reader)).equals(pattern(3_600))).toBe(true);
      }
      const segments = (await collect(blobs.list(`${prefix}/`))).flatMap((page) => page.blobs);
      expect(segments.map((blob) => [blob.name.slice(prefix.length), blob.size])).toEqual([
        ["/00000000", 600],
        ["/00000001", 1_500],
        ["/00000002", 1_500],
      ]);
    });

    it("read: gives any range of the bytes, over the borders of segments", async () => {
      const prefix = freshLog();
      await append(open(prefix), ..."abcdefgh");
      for (let first = 0; first <= 9; first++) {
        expect(await textIn(open(prefix), { first })).toBe("abcdefgh".slice(first));
        for (let last = first; last <= 9; last++)
          expect(await textIn(open(prefix), { first, last })).toBe("abcdefgh".slice(first, last + 1));
      }
    });

    it("append: at another position than the end raises PreconditionFailed, and adds nothing", async () => {
      const prefix = freshLog();
      await append(open(prefix), "a", "b", "c", "d", "e");
      const log = open(prefix);
      for (const at of [0, 2, 3, 4, 6, 100]) await refuses(log.append(utf8("x"), at), PreconditionFailed);
      await refuses(log.append(utf8(""), 5), InvalidArgument);
      expect(await textIn(log)).toBe("abcde");
    });

    it("append: of many writers at one position one succeeds, also where a segment ends", async () => {
      const prefix = freshLog();
      const writers = Array.from({ length: 5 }, () => open(prefix));
      let expected = "";
      for (let round = 0; round < 8; round++) {
        const attempt = (writer: number) => writers[writer]!.append(utf8(`${round}${writer} `), round * 3);
        const winners = await race(5, attempt, PreconditionFailed);
        expect(winners).toHaveLength(1);
        expected += `${round}${winners[0]} `;
      }
      for (const reader of [...writers, open(prefix)]) expect(await textIn(reader)).toBe(expected);
    });

    it("append: a writer that has not seen others' segments goes on behind them", async () => {
      const prefix = freshLog();
      const [old, other] = [open(prefix), open(prefix)];
      await append(old, "a");
      await append(other, ..."bcdefghi");
      await old.append(utf8("j"), 9);
      expect(await textIn(old)).toBe("abcdefghij");
    });

    it("read: who follows a log while it grows gets every byte once, in order", async () => {
      const prefix = freshLog();
      const writing = (async () => {
        const log = open(prefix);
        for (let n = 0; n < 30; n++) await log.append(pattern(500, 0, n * 500), n * 500);
      })();
      const follow = async () => {
        const log = open(prefix);
        const chunks: Uint8Array[] = [];
        for (let at = 0; at < 15_000; ) {
          await new Promise(setImmediate);
          const { size, body } = await log.read({ first: at });
          const more = await collect(body);
          expect(Buffer.concat(more)).toHaveLength(size - at);
          chunks.push(...more);
          at = size;
        }
        return Buffer.concat(chunks).equals(pattern(15_000));
      };
      expect(await Promise.all([follow(), follow(), follow(), writing])).toEqual([true, true, true, undefined]);
    });

    it("append: what a writer left in doubt is there once, whether it had happened or not", async () => {
      const prefix = freshLog();
      let doubts = 0;
      const append: BlobStore["append"] = async (...piece) => {
        doubts++;
        if (doubts % 3 === 0) throw new StoreUnavailable("before", 1);
        await blobs.append(...piece);
        if (doubts % 3 === 1) throw new StoreUnavailable("behind", 1);
      };
      for (let n = 0; n < 10; n++) {
        for (let log = new SegmentedLog(overriding(blobs, { append }), prefix); (await log.size()) === n * 2; )
          await log.append(utf8(`${n} `), n * 2).catch((error) => expect(error).toBeInstanceOf(StoreUnavailable));
      }
      expect(await textIn(open(prefix))).toBe("0 1 2 3 4 5 6 7 8 9 ");
    });
  });
}
