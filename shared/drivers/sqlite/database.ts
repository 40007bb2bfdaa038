import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { StoreLocked } from "../../stores/errors.ts";
import { Checkpointer } from "./checkpointer.ts";
import { type Commits, SingleCommits } from "./commits.ts";
import { FreePages } from "./free-pages.ts";
import { GroupCommits, recover } from "./group-commits.ts";
import { Journal } from "./journal.ts";
import { asStoreError, isLocked } from "./sqlite-errors.ts";
import type { Later, Statement } from "./statement.ts";

/**
 * How long a start, and later a call, waits for another program that holds the database. A call waits without holding
 * up others.
 */
const LOCK_PATIENCE_MS = 5_000;
const LOCK_PAUSE_MS = 20;
/** What the write-ahead log is cut down to when it starts again from its beginning. */
const LOG_REST_BYTES = 1024 * 1024;

interface DatabaseOptions {
  readonly databaseFile: string;
  /** Holds what was acknowledged and is not committed to the database yet. */
  readonly journalFile: string;
  /**
   * Whether a write is acknowledged only when it is on the disk; otherwise it survives the process, not the machine.
   */
  readonly durable: boolean;
}

const READS = /^\s*(?:SELECT|PRAGMA)\b/i;

/**
 * One connection to the embedded database. Every call is synchronous, so a function given to `transaction` runs alone.
 * Checkpoints run in a thread of their own: one on the event loop would stop every request for milliseconds.
 */
export class Database {
  readonly #options: DatabaseOptions;
  readonly #connection: DatabaseSync;
  readonly #checkpointer: Checkpointer;
  readonly #freePages: FreePages;
  readonly #onRestored: (() => void)[] = [];
  #commits: Commits | undefined;
  #becomingFree: Promise<void> | undefined;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#connection = new DatabaseSync(options.databaseFile, { timeout: LOCK_PATIENCE_MS });
    // `auto_vacuum` has an effect only before the first table is made.
    this.#connection.exec(`PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = ${options.durable ? "FULL" : "NORMAL"};
      PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${LOG_REST_BYTES}; PRAGMA temp_store = MEMORY;
      PRAGMA cache_spill = OFF`);
    this.#checkpointer = new Checkpointer(options.databaseFile, this.#connection);
    const emptied = () => void this.isSafe();
    this.#freePages = new FreePages(this.#connection, (work) => this.write(work), emptied);
  }

  /**
   * Commits what the last process acknowledged and did not commit. Nothing may be written before, and no statement
   * prepared that is to be kept.
   */
  recover(): void {
    const journal = new Journal(this.#options.journalFile);
    recover(this.#connection, journal);
    const committed = () => {
      this.#checkpointer.committed();
      this.#freePages.committed();
    };
    if (this.#options.durable) {
      journal.remove();
      this.#commits = new SingleCommits(this.#connection, committed);
    } else {
      const restored = () => {
        for (const forget of this.#onRestored) forget();
      };
      this.#commits = new GroupCommits(this.#connection, journal, { committed, restored });
    }
  }

  /** `forget` is called when reads may have missed acknowledged writes for a while: what was kept of them must go. */
  onRestored(forget: () => void): void {
    this.#onRestored.push(forget);
  }

  prepare<Row>(sql: string): Statement<Row> {
    const statement = this.#connection.prepare(sql) as unknown as Statement<Row>;
    if (!this.#commits) return statement;
    return READS.test(sql) ? this.#commits.reading(statement) : this.#commits.watched(sql, statement);
  }

  /**
   * A writing statement that is a transaction of its own and that no state of the database can make fail. It may be put
   * off, but runs before any statement that is called after it, so neither reads nor writes ever miss it.
   */
  prepareLater(sql: string): Later {
    return this.#commits!.later(sql, this.#connection.prepare(sql) as unknown as Statement<never>);
  }

  /**
   * From now on a locked database is an error at once, for which `patiently` waits beside the event loop. Until then,
   * during a start, a call may block.
   */
  beginServing(): void {
    this.#connection.exec("PRAGMA busy_timeout = 0");
  }

  /** Runs statements that are not prepared first, several at once if need be: the schema. */
  execute(sql: string): void {
    this.#connection.exec(sql);
  }

  /** Runs a single writing statement, which is a transaction of its own. */
  write<T>(statement: () => T): T {
    try {
      return this.#commits!.runOne(statement);
    } catch (error) {
      throw asStoreError(error);
    }
  }

  /** Runs `work` as one transaction; when it throws, nothing of it stays. */
  transaction<T>(work: () => T): T {
    try {
      return this.#commits!.run(work);
    } catch (error) {
      throw asStoreError(error);
    }
  }

  /**
   * Writing work, done at once, or once another program lets go of the database: that is waited for, a few seconds,
   * while other work goes on.
   * @throws StoreLocked when it does not
   */
  patiently<T>(work: () => T): T | Promise<T> {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof StoreLocked)) throw error;
      return this.#onceFree(work);
    }
  }

  async #onceFree<T>(work: () => T): Promise<T> {
    for (;;) {
      this.#becomingFree ??= this.#untilFree().finally(() => {
        this.#becomingFree = undefined;
      });
      await this.#becomingFree;
      try {
        return work();
      } catch (error) {
        if (!(error instanceof StoreLocked)) throw error;
      }
    }
  }

  /** Resolves when no other program holds the database. All who wait share one such wait. */
  async #untilFree(): Promise<void> {
    const deadlineMs = performance.now() + LOCK_PATIENCE_MS;
    for (;;) {
      await setTimeout(LOCK_PAUSE_MS);
      try {
        return this.#commits!.run(() => {});
      } catch (error) {
        const isOver = performance.now() >= deadlineMs;
        if (isOver || !isLocked(error)) throw asStoreError(error);
      }
    }
  }

  /**
   * Whether everything that was written before the call is on the disk now, so that it survives a loss of power, and
   * nobody reads an older state.
   */
  async isSafe(): Promise<boolean> {
    try {
      this.#commits!.commit();
    } catch {
      return false;
    }
    return this.#checkpointer.checkpoint();
  }

  /** The same, at once: everybody waits. For the end. */
  isSafeNow(): boolean {
    try {
      this.#commits!.commit();
    } catch {
      return false;
    }
    return this.#checkpointer.checkpointNow();
  }

  async close(): Promise<void> {
    this.#freePages.close();
    await this.#checkpointer.close();
    try {
      this.#commits?.close();
    } finally {
      this.#connection.close();
    }
  }
}
