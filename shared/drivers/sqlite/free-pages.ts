import type { DatabaseSync } from "node:sqlite";

/** Pages that are given back at once, which takes a few ms, and the time between. */
const PAGES_AT_ONCE = 100;
const PAUSE_MS = 100;
/** So many free pages are not worth the work: what is written next takes them. */
const KEPT_PAGES = 256;
const WORTHWHILE_SHARE = 1 / 8;
/** How often it is looked whether there are many. */
const LOOK_EVERY_MS = 1_000;

/**
 * Gives pages back to the file system that removed rows have left, a little at a time, when they have become many. A database that was made without
 * this keeps its free pages (docs/backup.md).
 */
export class FreePages {
  readonly #connection: DatabaseSync;
  readonly #write: (work: () => void) => void;
  readonly #done: () => void;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param write runs work as a part of the transactions
   * @param done is called when the last ones are given back: the file shrinks with the next checkpoint
   */
  constructor(connection: DatabaseSync, write: (work: () => void) => void, done: () => void) {
    this.#connection = connection;
    this.#write = write;
    this.#done = done;
  }

  /** To be called after each commit. */
  committed(): void {
    const nowMs = performance.now();
    if (this.#timer || nowMs - this.#lookedAtMs < LOOK_EVERY_MS) return;
    this.#lookedAtMs = nowMs;
    if (this.#free() > Math.max(KEPT_PAGES, this.#pragma("page_count") * WORTHWHILE_SHARE)) this.#goOnLater();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #goOnLater(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      try {
        this.#giveSomeBack();
      } catch {
        // The disk is full, or another program holds the database: a later commit begins again.
      }
    }, PAUSE_MS).unref();
  }

  #giveSomeBack(): void {
    const before = this.#free();
    this.#write(() => this.#connection.exec(`PRAGMA incremental_vacuum(${PAGES_AT_ONCE})`));
    const free = this.#free();
    if (free < before && free > KEPT_PAGES) this.#goOnLater();
    else if (free < before) this.#done();
  }

  #free(): number {
    return this.#pragma("auto_vacuum") === INCREMENTAL ? this.#pragma("freelist_count") : 0;
  }

  #pragma(name: string): number {
    return Object.values(this.#connection.prepare(`PRAGMA ${name}`).get()!)[0] as number;
  }
}

const INCREMENTAL = 2;
