import { describe, expect, it } from "vitest";
import type { BlobDownload, ByteStream } from "../../../shared/stores/blob-store.ts";
import type { BlobStoreSuite } from "../blob-store.contract.ts";
import { collect, freshName, refuses } from "../support.ts";
import {
  bytesOf,
  failing,
  freshBlob,
  MEGABYTE,
  memoryHeld,
  pattern,
  read,
  readText,
  SourceFailed,
  utf8,
} from "./bytes.ts";

const LARGE_BYTES = 8 * MEGABYTE;
const HUGE_CHUNKS = 64;
/** Emulators are slow on a busy machine. */
const HUGE_TIMEOUT_MS = 180_000;
const MEMORY_BOUND_BYTES = 24 * MEGABYTE;

/** The rest of a download whose first chunk is read already, or undefined when it fails, as it may. */
async function readOn(iterator: AsyncIterator<Uint8Array>, first: Uint8Array): Promise<Buffer | undefined> {
  const chunks = [first];
  try {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) chunks.push(next.value);
    return Buffer.concat(chunks);
  } catch {
    return undefined;
  }
}

async function begin(
  download: BlobDownload | undefined,
): Promise<{ iterator: AsyncIterator<Uint8Array>; first: Uint8Array }> {
  const iterator = download!.body[Symbol.asyncIterator]();
  const { value } = await iterator.next();
  return { iterator, first: value };
}

export function streamLaws({ store }: BlobStoreSuite): void {
  describe("streams", () => {
    it.each([
      ["at once", []],
      ["after some bytes", [utf8("half a ")]],
      ["after many bytes", [pattern(MEGABYTE), pattern(MEGABYTE)]],
    ])("put: a stream that fails %s leaves the old content", async (_, chunks) => {
      const name = freshBlob();
      const before = await store().put(name, utf8("old"));
      await refuses(store().put(name, failing(...chunks)), SourceFailed);
      expect(await store().head(name)).toEqual(before);
      expect(await readText(store(), name)).toBe("old");
    });

    it("put: a stream that fails leaves nothing where nothing was", async () => {
      const folder = `artifacts/${freshName("failing")}/`;
      await refuses(store().put(`${folder}a`, failing(pattern(MEGABYTE))), SourceFailed);
      expect(await store().get(`${folder}a`)).toBeUndefined();
      expect(await collect(store().list(folder))).toEqual([]);
    });

    it("put: the old content is read while the new one comes in", async () => {
      const name = freshBlob();
      await store().put(name, utf8("old"));
      const seen: string[] = [];
      const body = (async function* (): ByteStream {
        yield pattern(MEGABYTE);
        seen.push(await readText(store(), name));
        yield utf8("end");
      })();
      await store().put(name, body);
      expect(seen).toEqual(["old"]);
      expect((await store().head(name))?.size).toBe(MEGABYTE + 3);
    });

    it("get: goes on with what it began with, or fails, when the blob is replaced", async () => {
      const name = freshBlob();
      await store().put(name, pattern(LARGE_BYTES, 1));
      const { iterator, first } = await begin(await store().get(name));
      await store().put(name, pattern(LARGE_BYTES, 2));
      const rest = await readOn(iterator, first);
      if (rest !== undefined) expect(rest.equals(pattern(LARGE_BYTES, 1))).toBe(true);
      expect((await read(store(), name)).equals(pattern(LARGE_BYTES, 2))).toBe(true);
    });

    it("get: goes on with what it began with, or fails, when the blob is removed", async () => {
      const name = freshBlob();
      await store().put(name, pattern(LARGE_BYTES, 1));
      const { iterator, first } = await begin(await store().get(name));
      await store().remove(name);
      const rest = await readOn(iterator, first);
      if (rest !== undefined) expect(rest.equals(pattern(LARGE_BYTES, 1))).toBe(true);
      expect(await store().get(name)).toBeUndefined();
    });

    it("get: readers beside writers see one content whole, again and again", async () => {
      const name = freshBlob();
      const content = (version: number) => Buffer.alloc(300_000 + version, version);
      await store().put(name, content(0));
      const write = async () => {
        for (let version = 1; version <= 10; version++) await store().put(name, content(version));
      };
      const readMany = async () => {
        for (let i = 0; i < 10; i++) {
          const bytes = await bytesOf(await store().get(name));
          expect(bytes.equals(content(bytes[0]!))).toBe(true);
        }
      };
      await Promise.all([write(), readMany(), readMany()]);
    });

    it("get: may be left before its end, or never be read", async () => {
      const name = freshBlob();
      await store().put(name, pattern(LARGE_BYTES));
      await store().get(name);
      for await (const chunk of (await store().get(name))!.body) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
      const unread = (await store().get(name))!.body[Symbol.asyncIterator]();
      await unread.return?.();
      expect(await store().remove(name)).toBe(true);
    });

    it(
      "put, get: 64 MB pass through a small memory",
      async () => {
        const name = freshBlob();
        const before = memoryHeld();
        let most = 0;
        let watched = -1;
        const watch = (i: number) => {
          if (i % 8 !== 0 || i === watched) return;
          watched = i;
          most = Math.max(most, memoryHeld() - before);
        };
        const body = (async function* (): ByteStream {
          for (let i = 0; i < HUGE_CHUNKS; i++) {
            watch(i);
            yield Buffer.alloc(MEGABYTE, i);
          }
        })();
        await store().put(name, body);
        let size = 0;
        for await (const chunk of (await store().get(name))!.body) {
          watch(Math.floor(size / MEGABYTE));
          size += chunk.length;
        }
        expect(size).toBe(HUGE_CHUNKS * MEGABYTE);
        expect(most).toBeLessThan(MEMORY_BOUND_BYTES);
      },
      HUGE_TIMEOUT_MS,
    );
  });
}
