import { DatabaseSync } from "node:sqlite";
import { Checkpointer } from "./checkpointer.ts";
import { type Commits, SingleCommits } from "./commits.ts";
import { GroupCommits, recover } from "./group-commits.ts";
import { Journal } from "./journal.ts";

/** How long a writer waits, in milliseconds, when the checkpointer's connection holds a lock for an instant. */
const LOCK_PATIENCE_MS = 5_000;
/** What the write-ahead log is cut down to when it starts again from its beginning. */
const LOG_REST_BYTES = 1024 * 1024;

type Value = string | number | null;

/** A prepared statement whose rows have the shape that its SQL gives them. */
export interface Statement<Row> {
  get(...values: Value[]): Row | undefined;
  all(...values: Value[]): Row[];
  iterate(...values: Value[]): IterableIterator<Row>;
  run(...values: Value[]): { changes: number; lastInsertRowid: number };
}

/** Calls a statement whose result nobody waits for. */
export type Later = (...values: Value[]) => void;

export interface DatabaseOptions {
  readonly databaseFile: string;
  /** Of what was acknowledged and is not in the database yet. */
  readonly journalFile: string;
  /** Whether a write is acknowledged only when it is on the disk; otherwise it survives the process, not the machine. */
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
  readonly #onRestored: (() => void)[] = [];
  #commits: Commits | undefined;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#connection = new DatabaseSync(options.databaseFile, { timeout: LOCK_PATIENCE_MS });
    this.#connection.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${options.durable ? "FULL" : "NORMAL"};
      PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${LOG_REST_BYTES}; PRAGMA temp_store = MEMORY;
      PRAGMA cache_spill = OFF`);
    this.#checkpointer = new Checkpointer(options.databaseFile, this.#connection);
  }

  /** Brings in what the last process acknowledged and did not commit. Before, nothing may be written or kept prepared. */
  recover(): void {
    const journal = new Journal(this.#options.journalFile);
    recover(this.#connection, journal);
    const committed = () => this.#checkpointer.committed();
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

  /** `forget` is called when what was read for a while may have been older than what was acknowledged. */
  onRestored(forget: () => void): void {
    this.#onRestored.push(forget);
  }

  prepare<Row>(sql: string): Statement<Row> {
    const statement = this.#connection.prepare(sql) as unknown as Statement<Row>;
    if (!this.#commits) return statement;
    return READS.test(sql) ? this.#commits.reading(statement) : this.#commits.watched(sql, statement);
  }

  /**
   * A writing statement that is a transaction of its own and cannot be refused, whatever the state of the database. It may run later, but before
   * every other: reading and writing never miss it.
   */
  prepareLater(sql: string): Later {
    return this.#commits!.later(sql, this.#connection.prepare(sql) as unknown as Statement<never>);
  }

  /** For statements that bear no preparing: the schema. */
  execute(sql: string): void {
    this.#connection.exec(sql);
  }

  /** Runs a single writing statement, which is a transaction of its own. */
  write<T>(statement: () => T): T {
    return this.#commits!.runOne(statement);
  }

  /** Runs `work` as one transaction; when it throws, nothing of it stays. */
  transaction<T>(work: () => T): T {
    return this.#commits!.run(work);
  }

  /**
   * Whether everything that was written before the call is on the disk now, so that it survives a loss of power, and nobody reads an older state.
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
    await this.#checkpointer.close();
    try {
      this.#commits?.close();
    } finally {
      this.#connection.close();
    }
  }
}
