/** Longer than that nobody works while others wait. */
const MAX_HELD_MS = 5;

/** When work that asks for turns began in this turn of the event loop; undefined: none has yet. */
let heldSinceMs: number | undefined;

/**
 * Lets others be served when this turn of the event loop has been held for some ms. Embedded stores answer at once, and an `await` of what is there
 * already is no turn; so they ask with each answer that took them work, and loops that do without a store ask once for each item.
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

/** A result, once others have had their turn. */
export function afterTurn<T>(result: T): T | Promise<T> {
  return turn()?.then(() => result) ?? result;
}
