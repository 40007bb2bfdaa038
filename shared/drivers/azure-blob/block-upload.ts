import { MAX_BLOCKS } from "../../stores/blob-store.ts";
import type { Ids } from "../../stores/clock.ts";
import { InvalidArgument, TooLarge } from "../../stores/errors.ts";
import type { BlockReader } from "./block-reader.ts";

const MEBIBYTE = 1024 * 1024;
const SMALL_BLOCKS = 10_000;
const PARALLEL_BLOCKS = 3;
const INDEX_DIGITS = 5;
const LEAST_PREFIX = 8;
const ID_LENGTH = 24;

/** Small blocks for all but enormous blobs: 39 GiB in the first 10,000, and 1.2 TiB in all. */
export function blockBytes(index: number): number {
  return (index < SMALL_BLOCKS ? 4 : 32) * MEBIBYTE;
}

/**
 * Ids that no other upload to the same blob has. They are of the length that the service demands: that of the ids which are staged for the
 * blob already.
 * @param length characters of each id; 13-64
 */
export function blockIds(ids: Ids, length = ID_LENGTH): (index: number) => string {
  const prefixLength = length - INDEX_DIGITS;
  if (prefixLength < LEAST_PREFIX) {
    throw new InvalidArgument(
      `name: blocks whose ids have ${length} characters are staged for this blob, so it takes no stream until they are committed.`,
    );
  }
  const prefix = ids.hex(Math.ceil(prefixLength / 2)).slice(0, prefixLength);
  return (index) => prefix + String(index).padStart(INDEX_DIGITS, "0");
}

/**
 * Stages what the reader has left, a few blocks at a time, behind the first block, which is staged already.
 * @returns the ids of all blocks
 * @throws what the source or a block raised, when no block is on its way any more; TooLarge beyond 50,000 blocks
 */
export async function stageRest(
  reader: BlockReader,
  idOf: (index: number) => string,
  stage: (id: string, block: Buffer) => Promise<void>,
): Promise<string[]> {
  const staged = [idOf(0)];
  const underway = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const begin = (id: string, block: Buffer) => {
    const staging = stage(id, block)
      .then(
        () => reader.recycle(block),
        (error) => void failures.push(error),
      )
      .finally(() => underway.delete(staging));
    underway.add(staging);
  };
  try {
    while (failures.length === 0) {
      const block = await reader.next(blockBytes(staged.length));
      if (block.length === 0) break;
      if (staged.length === MAX_BLOCKS) throw new TooLarge(`body: more than ${MAX_BLOCKS} blocks.`);
      begin(idOf(staged.length), block);
      staged.push(idOf(staged.length));
      if (underway.size >= PARALLEL_BLOCKS) await Promise.race(underway);
    }
  } finally {
    await Promise.all(underway);
  }
  if (failures.length > 0) throw failures[0];
  return staged;
}
