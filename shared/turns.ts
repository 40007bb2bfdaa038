/** Longer than that nobody works while others wait. */
const MAX_HELD_MS = 5;

/** When work that asks for turns began in this turn of the event loop; undefined: none has yet. */
let heldSinceMs: number | undefined;

/**
 * Lets others be served when this turn of the event loop has been held for some ms. Every loop over what a store holds, or a caller sent, asks once for
 * each item: embedded stores answer at once, and an `await` of what is there already is no turn.
 * @returns undefined: go on at once
 */
export function turn(): Promise<void> | undefined {
  const nowMs = performance.now();
  if (heldSinceMs === undefined) {
    heldSinceMs = nowMs;
    setImmediate(() => {
      heldSinceMs = undefined;
    });
    return undefined;
  }
  if (nowMs - heldSinceMs < MAX_HELD_MS) return undefined;
  return new Promise((resolve) => setImmediate(resolve));
}

/** The items of all pages, one by one, with turns between them. */
export async function* eachItem<T>(pages: AsyncIterable<readonly T[]>): AsyncGenerator<T, void, undefined> {
  for await (const page of pages) {
    for (const item of page) {
      yield item;
      const waiting = turn();
      if (waiting) await waiting;
    }
  }
}
