import { randomInt } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { Commits } from "./commits.ts";
import type { Change, Journal, Transaction } from "./journal.ts";
import { asStoreError } from "./sqlite-errors.ts";
import type { Later, Statement } from "./statement.ts";

/** How long a group stays open, how much of it may be in the journal, and when a commit that failed is tried again. */
const GROUP_MS = 50;
const GROUP_BYTES = 1024 * 1024;
const RETRY_MS = 1_000;

/**
 * `committed`: number of the last transaction in the journal that the database contains. `incarnation`: a random
 * number, by which a journal knows its database.
 */
const JOURNALED_TABLE =
  "CREATE TABLE IF NOT EXISTS journaled (committed INTEGER NOT NULL, incarnation INTEGER NOT NULL DEFAULT 0) STRICT";
/** For databases that are older than the column; theirs is 0. */
const INCARNATION_COLUMN = "ALTER TABLE journaled ADD COLUMN incarnation INTEGER NOT NULL DEFAULT 0";
const INCARNATIONS = 2 ** 32;

/**
 * Commits what the last process left in the journal. Then the database gets another incarnation, so that no older
 * journal fits it.
 */
export function recover(connection: DatabaseSync, journal: Journal): void {
  prepareJournaled(connection);
  const left = journal.read(committedIn(connection), incarnationIn(connection));
  connection.exec("BEGIN IMMEDIATE");
  doAgain(connection, left);
  connection.exec(`UPDATE journaled SET committed = ${journal.last}; COMMIT`);
  journal.begin(newIncarnation(connection));
  journal.trim();
}

/** Gives a database, or a copy of one, an incarnation that no journal fits yet. @returns the new one */
export function newIncarnation(connection: DatabaseSync): number {
  const incarnation = anyIncarnation();
  connection.exec(`UPDATE journaled SET incarnation = ${incarnation}`);
  return incarnation;
}

function prepareJournaled(connection: DatabaseSync): void {
  connection.exec(JOURNALED_TABLE);
  const columns = connection.prepare("SELECT name FROM pragma_table_info('journaled')").all();
  if (!columns.some(({ name }) => name === "incarnation")) connection.exec(INCARNATION_COLUMN);
  connection.exec(`INSERT INTO journaled SELECT 0, ${anyIncarnation()} WHERE NOT EXISTS (SELECT * FROM journaled)`);
}

function anyIncarnation(): number {
  return randomInt(1, INCARNATIONS);
}

function incarnationIn(connection: DatabaseSync): number {
  return (connection.prepare("SELECT incarnation FROM journaled").get() as { incarnation: number }).incarnation;
}

function committedIn(connection: DatabaseSync): number {
  return (connection.prepare("SELECT committed FROM journaled").get() as { committed: number }).committed;
}

/** The same statements on the same state have the same effects, down to the numbers that rows get. */
function doAgain(connection: DatabaseSync, transactions: readonly Transaction[]): void {
  for (const [sql, ...values] of transactions.flat()) connection.prepare(sql).run(...values);
}

/**
 * A commit costs several times what its statements do, so the transactions of an instant are committed together. Each
 * is in the journal before it is acknowledged: the next process does it again when this one dies before the commit.
 * Reads use the same connection, so they see a transaction before its group is committed.
 */
export class GroupCommits implements Commits {
  readonly #connection: DatabaseSync;
  readonly #journal: Journal;
  readonly #committed: () => void;
  readonly #restored: () => void;
  readonly #sql: ReturnType<typeof statements>;
  #isOpen = false;
  /** SQLite has rolled the group back by itself, and it could not be done again yet. */
  #isLost = false;
  #timer: NodeJS.Timeout | undefined;
  /** Statements that are in the journal and have not run yet. */
  #waiting: (() => void)[] = [];
  /** What the running transaction has changed so far; undefined while none runs. */
  #changes: Change[] | undefined;

  /**
   * @param journal everything in it is committed
   * @param on.committed is called after each commit, while no transaction is open; it must not throw
   * @param on.restored is called when reads may have missed acknowledged writes for a while
   */
  constructor(
    connection: DatabaseSync,
    journal: Journal,
    on: { readonly committed: () => void; readonly restored: () => void },
  ) {
    this.#connection = connection;
    this.#journal = journal;
    this.#committed = on.committed;
    this.#restored = on.restored;
    this.#sql = statements(connection);
  }

  run<T>(work: () => T): T {
    return this.runOne(() => {
      this.#sql.save.run();
      try {
        const result = work();
        this.#sql.release.run();
        return result;
      } catch (error) {
        this.#undo();
        throw error;
      }
    });
  }

  runOne<T>(work: () => T): T {
    if (this.#changes !== undefined) throw new Error("A transaction runs already.");
    this.#open();
    this.#runWaiting();
    const changes: Change[] = [];
    this.#changes = changes;
    try {
      return work();
    } finally {
      this.#changes = undefined;
      if (!this.#connection.isTransaction) this.#restore();
      else if (changes.length > 0) this.#keep(changes);
    }
  }

  watched<Row>(sql: string, statement: Statement<Row>): Statement<Row> {
    return {
      run: (...values) => {
        const changes = this.#noted();
        const result = statement.run(...values);
        if (result.changes > 0) changes.push([sql, ...values]);
        return result;
      },
      get: (...values) => {
        const changes = this.#noted();
        const row = statement.get(...values);
        if (row !== undefined) changes.push([sql, ...values]);
        return row;
      },
      all: notForWriting,
      iterate: notForWriting,
    };
  }

  reading<Row>(statement: Statement<Row>): Statement<Row> {
    const current = () => {
      if (this.#isLost || this.#waiting.length > 0) this.#bringUpToDate();
      return statement;
    };
    return {
      get: (...values) => current().get(...values),
      all: (...values) => current().all(...values),
      iterate: (...values) => current().iterate(...values),
      run: (...values) => current().run(...values),
    };
  }

  later(sql: string, statement: Statement<never>): Later {
    return (...values) => {
      if (this.#changes !== undefined) throw new Error("A transaction runs already.");
      try {
        this.#open();
        if (this.#isJournaled([[sql, ...values]])) this.#waiting.push(() => statement.run(...values));
        else this.#commitWith(() => statement.run(...values));
      } catch (error) {
        throw asStoreError(error);
      }
    };
  }

  commit(): void {
    if (this.#isLost) this.#restore();
    if (!this.#isOpen) return;
    this.#runWaiting();
    try {
      this.#sql.mark.run(this.#journal.last);
      this.#sql.commit.run();
    } catch (error) {
      this.#restore();
      throw error;
    }
    clearTimeout(this.#timer);
    this.#isOpen = false;
    this.#journal.restart();
    this.#committed();
  }

  close(): void {
    clearTimeout(this.#timer);
    try {
      this.commit();
      this.#journal.remove();
    } catch (error) {
      this.#journal.close();
      throw error;
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** @throws what an overdue commit throws: until it succeeds, the group takes no more */
  #open(): void {
    if (this.#isLost) this.#restore();
    if (this.#journal.bytes > GROUP_BYTES) this.commit();
    if (!this.#isOpen) this.#begin();
  }

  #begin(): void {
    this.#sql.begin.run();
    this.#isOpen = true;
    this.#commitIn(GROUP_MS);
  }

  #commitIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      try {
        this.commit();
      } catch {
        this.#commitIn(RETRY_MS);
      }
    }, ms).unref();
  }

  #noted(): Change[] {
    if (this.#changes === undefined) throw new Error("A statement that writes must run within a transaction.");
    return this.#changes;
  }

  /**
   * Undoes the running transaction. Where SQLite cannot undo it alone, the whole group is rolled back, and restored
   * afterwards.
   */
  #undo(): void {
    this.#changes!.length = 0;
    if (!this.#connection.isTransaction) return;
    try {
      this.#sql.undo.run();
      this.#sql.release.run();
    } catch {
      this.#sql.rollback.run();
    }
  }

  /** Puts the transaction into the journal. Where it does not fit, it is committed to the database at once. */
  #keep(transaction: Transaction): void {
    if (!this.#isJournaled(transaction)) this.commit();
  }

  #isJournaled(transaction: Transaction): boolean {
    try {
      return this.#journal.append(transaction);
    } catch {
      return false;
    }
  }

  #commitWith(work: () => unknown): void {
    this.runOne(work);
    this.commit();
  }

  /** @throws StoreFull, StoreLocked when what was acknowledged cannot be shown now */
  #bringUpToDate(): void {
    try {
      if (this.#isLost) this.#restore();
      this.#runWaiting();
    } catch (error) {
      throw asStoreError(error);
    }
  }

  /** Runs the statements that were put off. Together they take a third of the time that they take one by one. */
  #runWaiting(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      for (const run of waiting) run();
    } catch {
      this.#restore();
    }
  }

  /**
   * On some errors, such as that of a full disk, SQLite rolls the whole group back. What was acknowledged of it is done
   * again from the journal.
   */
  #restore(): void {
    this.#isLost = true;
    this.#waiting = [];
    if (this.#connection.isTransaction) this.#sql.rollback.run();
    this.#isOpen = false;
    this.#begin();
    doAgain(this.#connection, this.#journal.read(committedIn(this.#connection)));
    this.#isLost = false;
    this.#restored();
  }
}

function statements(connection: DatabaseSync) {
  const prepare = (sql: string) => connection.prepare(sql) as unknown as Statement<never>;
  return {
    begin: prepare("BEGIN IMMEDIATE"),
    commit: prepare("COMMIT"),
    rollback: prepare("ROLLBACK"),
    save: prepare("SAVEPOINT work"),
    undo: prepare("ROLLBACK TO work"),
    release: prepare("RELEASE work"),
    mark: prepare("UPDATE journaled SET committed = ?"),
  };
}

function notForWriting(): never {
  throw new Error("Statements that write are called by run() or get().");
}
