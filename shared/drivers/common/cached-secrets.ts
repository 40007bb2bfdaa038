import { LRUCache } from "lru-cache";
import type { Clock } from "../../stores/clock.ts";
import { StoreUnavailable } from "../../stores/errors.ts";
import type { SecretStore } from "../../stores/secret-store.ts";

/** How long a value counts without asking, which is how long another instance's change may take to be seen here. */
const FRESH_MS = 5 * 60_000;
/** How long it counts when the store cannot be asked. */
const STALE_MS = 15 * 60_000;
const MAX_SECRETS = 1_000;

interface Known {
  readonly value: string;
  /** By `Clock.elapsed`. */
  readonly readAtMs: number;
}

/**
 * A store whose values are kept for minutes: vaults are slow, and throttle those who ask for each request. Callers that come together ask
 * once. Absence is not remembered.
 */
export class CachedSecrets implements SecretStore {
  readonly #store: SecretStore;
  readonly #clock: Clock;
  readonly #known = new LRUCache<string, Known>({ max: MAX_SECRETS });
  readonly #reading = new Map<string, Promise<string | undefined>>();

  constructor(store: SecretStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async set(name: string, value: string): Promise<void> {
    await this.#store.set(name, value).finally(() => this.#forget(name));
  }

  async get(name: string): Promise<string | undefined> {
    const known = this.#known.get(name);
    if (known && this.#ageOf(known) < FRESH_MS) return known.value;
    try {
      return await (this.#reading.get(name) ?? this.#read(name));
    } catch (error) {
      if (known && error instanceof StoreUnavailable && this.#ageOf(known) < STALE_MS) return known.value;
      throw error;
    }
  }

  async remove(name: string): Promise<void> {
    await this.#store.remove(name).finally(() => this.#forget(name));
  }

  names(prefix: string): Promise<string[]> {
    return this.#store.names(prefix);
  }

  #read(name: string): Promise<string | undefined> {
    const readAtMs = this.#clock.elapsed();
    const reading = this.#store.get(name).then(
      (value) => {
        const isCurrent = this.#reading.get(name) === reading;
        if (isCurrent) this.#reading.delete(name);
        if (isCurrent && value !== undefined) this.#known.set(name, { value, readAtMs });
        if (isCurrent && value === undefined) this.#known.delete(name);
        return value;
      },
      (error) => {
        if (this.#reading.get(name) === reading) this.#reading.delete(name);
        throw error;
      },
    );
    this.#reading.set(name, reading);
    return reading;
  }

  /** Also a read that is still under way: it may have seen what was before. */
  #forget(name: string): void {
    this.#known.delete(name);
    this.#reading.delete(name);
  }

  #ageOf({ readAtMs }: Known): number {
    return this.#clock.elapsed() - readAtMs;
  }
}
