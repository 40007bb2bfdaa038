import { DatabaseSync } from "node:sqlite";
import { Checkpointer } from "./checkpointer.ts";

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

/**
 * One connection to the embedded database. Every call is synchronous, so a function given to `transaction` runs alone.
 * Checkpoints run in a thread of their own: one on the event loop would stop every request for milliseconds.
 */
export class Database {
  readonly #connection: DatabaseSync;
  readonly #checkpointer: Checkpointer;
  readonly #begin: Statement<never>;
  readonly #commit: Statement<never>;
  readonly #rollback: Statement<never>;

  /** @param durable whether a commit returns only after it is on the disk; otherwise it survives the process, not the machine */
  constructor(file: string, durable: boolean) {
    this.#connection = new DatabaseSync(file, { timeout: LOCK_PATIENCE_MS });
    this.#connection.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durable ? "FULL" : "NORMAL"};
      PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${LOG_REST_BYTES}; PRAGMA temp_store = MEMORY`);
    this.#checkpointer = new Checkpointer(file, this.#connection);
    this.#begin = this.prepare("BEGIN IMMEDIATE");
    this.#commit = this.prepare("COMMIT");
    this.#rollback = this.prepare("ROLLBACK");
  }

  prepare<Row>(sql: string): Statement<Row> {
    return this.#connection.prepare(sql) as unknown as Statement<Row>;
  }

  /** For statements that bear no preparing: the schema. */
  execute(sql: string): void {
    this.#connection.exec(sql);
  }

  /** Runs a single writing statement, which is a transaction of its own. */
  write<T>(statement: () => T): T {
    const result = statement();
    this.#checkpointer.wrote();
    return result;
  }

  /** Runs `work` as one transaction; when it throws, nothing of it stays. */
  transaction<T>(work: () => T): T {
    this.#begin.run();
    let result: T;
    try {
      result = work();
      this.#commit.run();
    } catch (error) {
      if (this.#connection.isTransaction) this.#rollback.run();
      throw error;
    }
    this.#checkpointer.wrote();
    return result;
  }

  async close(): Promise<void> {
    await this.#checkpointer.close();
    this.#connection.close();
  }
}
