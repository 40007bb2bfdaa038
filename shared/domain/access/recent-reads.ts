import { LRUCache } from "lru-cache";
import type { Clock } from "../../stores/clock.ts";

/** How long after a revocation in another process a caller may still get in. */
export const RECENT_MS = 30_000;
const MAX_ENTRIES = 10_000;

interface Entry {
  readonly readAtMs: number;
  readonly value: Promise<unknown>;
}

/**
 * What authorization reads of the store, not read again for 30 s. Whoever changes something forgets it here afterwards, so that in this
 * process the change counts at once.
 */
export class RecentReads {
  private readonly entries = new LRUCache<string, Entry>({ max: MAX_ENTRIES });

  /** What `read` found at most 30 s ago, absence included. Requests that come together read once; a failure is not remembered. */
  get<T>(clock: Clock, key: string, read: () => Promise<T>): Promise<T> {
    const nowMs = clock.now();
    const known = this.entries.get(key);
    if (known && nowMs - known.readAtMs < RECENT_MS) return known.value as Promise<T>;
    const value = read();
    const entry = { readAtMs: nowMs, value };
    this.entries.set(key, entry);
    value.catch(() => {
      if (this.entries.peek(key) === entry) this.entries.delete(key);
    });
    return value;
  }

  /** Also a read that is still under way: it may have seen what was before. */
  forget(key: string): void {
    this.entries.delete(key);
  }
}
