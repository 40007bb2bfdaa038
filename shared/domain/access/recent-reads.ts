import { LRUCache } from "lru-cache";
import type { Clock } from "../../stores/clock.ts";

/** How long after a revocation in another process a caller may still get in. */
const RECENT_MS = 30_000;
/** How long after a grant in another process a caller may still be kept out. */
export const AGAIN_MS = 1_000;
const MAX_ENTRIES = 10_000;

interface Entry {
  /** By `Clock.elapsed`. */
  readonly readAtMs: number;
  readonly value: Promise<unknown>;
}

/**
 * What authorization reads of the store, not read again for 30 s. Whoever changes something forgets it here afterwards,
 * so that in this process the change counts at once.
 */
export class RecentReads {
  private readonly entries = new LRUCache<string, Entry>({ max: MAX_ENTRIES });

  /**
   * What `read` found at most 30 s ago, absence included. Requests that come together read once; a failure is not
   * remembered.
   * @param lets whether a value lets somebody in; one that does not is good for a second only, since another instance
   * may have granted it
   */
  async get<T>(clock: Clock, key: string, read: () => Promise<T>, lets?: (value: T) => boolean): Promise<T> {
    const known = this.entries.get(key);
    const ageMs = known ? clock.elapsed() - known.readAtMs : RECENT_MS;
    if (!known || ageMs >= RECENT_MS) return this.read(clock, key, read);
    const value = (await known.value) as T;
    if (!lets || ageMs < AGAIN_MS || lets(value)) return value;
    const current = this.entries.get(key);
    return current && current !== known ? (current.value as Promise<T>) : this.read(clock, key, read);
  }

  private read<T>(clock: Clock, key: string, read: () => Promise<T>): Promise<T> {
    const entry = { readAtMs: clock.elapsed(), value: read() };
    this.entries.set(key, entry);
    entry.value.catch(() => {
      if (this.entries.peek(key) === entry) this.entries.delete(key);
    });
    return entry.value;
  }

  /** Drops what was read, and what is being read just now: it may have seen the state before the change. */
  forget(key: string): void {
    this.entries.delete(key);
  }
}
