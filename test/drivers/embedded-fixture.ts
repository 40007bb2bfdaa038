import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EmbeddedStores, openEmbedded } from "../../shared/drivers/embedded/open-embedded.ts";
import type { Clock, Ids } from "../../shared/stores/clock.ts";

/** Stands still but for `pass`, by which time passes, and `set`, by which none does. */
export class ManualClock implements Clock {
  #nowMs = Date.UTC(2026, 0, 1);
  #elapsedMs = 0;

  now(): number {
    return this.#nowMs;
  }

  pass(seconds: number): void {
    this.#nowMs += seconds * 1_000;
    this.#elapsedMs += seconds * 1_000;
  }

  set(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  elapsed(): number {
    return this.#elapsedMs;
  }
}

/** Counts instead of drawing lots. */
export function countingIds(): Ids {
  let count = 0;
  return {
    hex: (bytes) => (++count).toString(16).padStart(bytes * 2, "0"),
    integer: (below) => ++count % below,
  };
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "cairn-"));
}

export interface EmbeddedFixture {
  readonly folder: string;
  readonly clock: ManualClock;
  stores: EmbeddedStores;
  /** After `stores.close()`. */
  open(): EmbeddedStores;
  reopen(): Promise<EmbeddedStores>;
  close(): Promise<void>;
}

/** Embedded stores in a temporary folder that goes with `close`. */
export function embeddedFixture({ durable = false, baseUrl = "http://127.0.0.1:1" } = {}): EmbeddedFixture {
  const folder = temporaryFolder();
  const clock = new ManualClock();
  const open = () => openEmbedded({ folder, clock, durable, baseUrl: () => baseUrl });
  return {
    folder,
    clock,
    stores: open(),
    open() {
      this.stores = open();
      return this.stores;
    },
    async reopen() {
      await this.stores.close();
      return this.open();
    },
    async close() {
      await this.stores.close();
      rmSync(folder, { recursive: true });
    },
  };
}
