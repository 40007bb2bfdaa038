import type { BlobCatalog } from "./blob-catalog.ts";
import type { ContentFolder } from "./content-folder.ts";

/** How long files gather, so that many go with one checkpoint; and when it is tried again what did not come about. */
const COLLECT_AFTER_MS = 1_000;
const RETRY_AFTER_MS = 10_000;
const FORGOTTEN_AT_ONCE = 100;

/** Whether everything that was written before the call is on the disk, and nobody reads an older state. */
interface Safety {
  isSafe(): Promise<boolean>;
  isSafeNow(): boolean;
}

/**
 * Unlinks files that nothing refers to any more. Not before the disk knows that: else a loss of power would bring back the names and not their
 * files. It also waits for whoever reads an older state of the database, who may be copying what that refers to. What it has not come to is found
 * on the garbage list by the next process.
 */
export class FileGarbage {
  readonly #catalog: BlobCatalog;
  readonly #folder: ContentFolder;
  readonly #database: Safety;
  #files: number[] = [];
  #timer: NodeJS.Timeout | undefined;
  #collecting: Promise<void> | undefined;
  #isClosed = false;

  constructor(catalog: BlobCatalog, folder: ContentFolder, database: Safety) {
    this.#catalog = catalog;
    this.#folder = folder;
    this.#database = database;
  }

  /** Files on the garbage list that may go. */
  add(files: readonly number[]): void {
    if (files.length === 0) return;
    for (const file of files) this.#files.push(file);
    this.#collectIn(COLLECT_AFTER_MS);
  }

  /** Unlinks at once what was never referred to. */
  async drop(file: number): Promise<void> {
    if (!this.#isClosed) await this.#unlink([file]);
  }

  /** Unlinks what has gathered, where that is safe. */
  async collect(): Promise<void> {
    while (this.#collecting) await this.#collecting;
    if (this.#files.length === 0 || this.#isClosed) return;
    this.#collecting = this.#collectGathered();
    await this.#collecting.finally(() => {
      this.#collecting = undefined;
    });
  }

  /** Unlinks what is left. What is added later stays for the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#collecting;
    if (this.#files.length > 0 && this.#database.isSafeNow()) await this.#unlink(this.#files.splice(0));
  }

  async #collectGathered(): Promise<void> {
    const files = this.#files.splice(0);
    if (await this.#database.isSafe()) return this.#unlink(files);
    this.#files.push(...files);
    this.#collectIn(RETRY_AFTER_MS);
  }

  #collectIn(ms: number): void {
    if (this.#timer || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.collect();
    }, ms).unref();
  }

  /** What cannot be unlinked, or forgotten, stays on the list until the next start. */
  async #unlink(files: readonly number[]): Promise<void> {
    for (let i = 0; i < files.length; i += FORGOTTEN_AT_ONCE) {
      const some = files.slice(i, i + FORGOTTEN_AT_ONCE);
      const unlinked = await Promise.all(some.map((file) => this.#folder.unlink(file)));
      try {
        this.#catalog.forget(some.filter((_, at) => unlinked[at]));
      } catch {
        // The disk is full.
      }
    }
  }
}
