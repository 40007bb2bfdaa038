import { turn } from "./turns.ts";

/** How many reads or writes of a store one request has under way at most. */
export const SIDE_BY_SIDE = 16;

/**
 * Works on items side by side, a few at a time, in their order, and gives others their turn in between. `Promise.all` over what a caller sent or a store
 * holds would open as many connections as there are items.
 * @returns the results in the order of the items
 * @throws what was thrown first, once everything that was under way has ended; nothing more is begun
 */
export async function inParallel<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => R | Promise<R>,
  atOnce = SIDE_BY_SIDE,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const faults: unknown[] = [];
  let next = 0;
  const workOnSome = async () => {
    while (next < items.length && faults.length === 0) {
      const index = next++;
      results[index] = await work(items[index]!, index);
      const waiting = turn();
      if (waiting) await waiting;
    }
  };
  const workers = Array.from({ length: Math.min(atOnce, items.length) }, () =>
    workOnSome().catch((error) => {
      faults.push(error);
    }),
  );
  await Promise.all(workers);
  if (faults.length > 0) throw faults[0];
  return results;
}
