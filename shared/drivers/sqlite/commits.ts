import type { DatabaseSync } from "node:sqlite";
import { asStoreError } from "./sqlite-errors.ts";
import type { Later, Statement } from "./statement.ts";

/** When transactions are committed, and what makes them outlive the process. */
export interface Commits {
  /** Runs `work` as one transaction; when it throws, nothing of it stays. */
  run<T>(work: () => T): T;
  /** The same, cheaper, for work that has changed nothing whenever it throws, such as a single statement. */
  runOne<T>(work: () => T): T;
  /** Wraps a writing statement: called so, what it changes is part of the transaction that runs. */
  watched<Row>(sql: string, statement: Statement<Row>): Statement<Row>;
  /** Wraps a reading statement: called so, it sees everything that was acknowledged. */
  reading<Row>(statement: Statement<Row>): Statement<Row>;
  /** See `Database.prepareLater`. */
  later(sql: string, statement: Statement<never>): Later;
  /** Commits what is open. @throws what prevents it */
  commit(): void;
  /** The same, for the last time. */
  close(): void;
}

/** Every transaction is committed before it is acknowledged. */
export class SingleCommits implements Commits {
  readonly #connection: DatabaseSync;
  readonly #committed: () => void;

  /** @param committed is called after each commit */
  constructor(connection: DatabaseSync, committed: () => void) {
    this.#connection = connection;
    this.#committed = committed;
  }

  run<T>(work: () => T): T {
    this.#connection.exec("BEGIN IMMEDIATE");
    let result: T;
    try {
      result = work();
      this.#connection.exec("COMMIT");
    } catch (error) {
      if (this.#connection.isTransaction) this.#connection.exec("ROLLBACK");
      throw error;
    }
    this.#committed();
    return result;
  }

  runOne<T>(work: () => T): T {
    return this.run(work);
  }

  watched<Row>(_sql: string, statement: Statement<Row>): Statement<Row> {
    return statement;
  }

  reading<Row>(statement: Statement<Row>): Statement<Row> {
    return statement;
  }

  later(_sql: string, statement: Statement<never>): Later {
    return (...values) => {
      try {
        this.run(() => statement.run(...values));
      } catch (error) {
        throw asStoreError(error);
      }
    };
  }

  commit(): void {}

  close(): void {}
}
