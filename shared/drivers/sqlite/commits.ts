import type { DatabaseSync } from "node:sqlite";
import { asStoreError } from "./sqlite-errors.ts";
import type { Later, Statement } from "./statement.ts";

/** When transactions are committed, and what makes them outlive the process. */
export interface Commits {
  /** Runs `work` as one transaction; when it throws, nothing of it stays. */
  run<T>(work: () => T): T;
  /** The same for work whose last statement alone can fail and still have changed nothing. */
  runOne<T>(work: () => T): T;
  /** A writing statement, as it must be called to be a part of the transactions. */
  watched<Row>(sql: string, statement: Statement<Row>): Statement<Row>;
  /** A reading statement, as it must be called to see everything that was acknowledged. */
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
