import type { DatabaseSync } from "node:sqlite";
import type { Commits } from "./commits.ts";
import type { Statement } from "./database.ts";
import type { Change, Journal, Transaction } from "./journal.ts";

/** How long a group stays open, and how much of it may be in the journal. */
const GROUP_MS = 50;
const GROUP_BYTES = 1024 * 1024;

/** Up to which group the database has everything. */
const GROUPS_TABLE = `CREATE TABLE IF NOT EXISTS groups (committed INTEGER NOT NULL) STRICT;
  INSERT INTO groups SELECT 0 WHERE NOT EXISTS (SELECT * FROM groups)`;

/**
 * Commits the group that the last process left in the journal, if any.
 * @returns the number of the group that comes next
 */
export function nextGroup(connection: DatabaseSync, journal: Journal): number {
  connection.exec(GROUPS_TABLE);
  const row = connection.prepare("SELECT committed FROM groups").get() as { committed: number };
  const group = row.committed + 1;
  const left = journal.read(group);
  if (left.length === 0) return group;
  connection.exec("BEGIN IMMEDIATE");
  doAgain(connection, left);
  connection.exec(`UPDATE groups SET committed = ${group}; COMMIT`);
  return group + 1;
}

/** The same statements on the same state have the same effects, down to the numbers that rows get. */
function doAgain(connection: DatabaseSync, transactions: readonly Transaction[]): void {
  for (const [sql, ...values] of transactions.flat()) connection.prepare(sql).run(...values);
}

/**
 * A commit costs several times what its statements do, so the transactions of an instant are committed together. Each is in the journal before
 * it is acknowledged: the next process does it again when this one dies before the commit. Inside, all of them are there at once for whoever
 * reads.
 */
export class GroupCommits implements Commits {
  readonly #connection: DatabaseSync;
  readonly #journal: Journal;
  readonly #committed: () => void;
  readonly #sql: ReturnType<typeof statements>;
  #group: number;
  #isOpen = false;
  /** The database could not take the group again that it had lost. */
  #isLost = false;
  #timer: NodeJS.Timeout | undefined;
  /** Of the transaction that runs; undefined while none does. */
  #changes: Change[] | undefined;

  /**
   * @param group the number of the first
   * @param committed is called after each commit
   */
  constructor(connection: DatabaseSync, journal: Journal, group: number, committed: () => void) {
    this.#connection = connection;
    this.#journal = journal;
    this.#group = group;
    this.#committed = committed;
    this.#sql = statements(connection);
    journal.start(group);
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
    this.#open();
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

  close(): void {
    if (this.#isOpen || this.#isLost) this.#commit();
    this.#journal.remove();
  }

  #open(): void {
    if (this.#isLost) this.#restore();
    if (!this.#isOpen) this.#begin();
  }

  #begin(): void {
    this.#sql.begin.run();
    this.#isOpen = true;
    this.#commitLater();
  }

  #commitLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      try {
        this.#commit();
      } catch {
        this.#commitLater();
      }
    }, GROUP_MS).unref();
  }

  #noted(): Change[] {
    if (this.#changes === undefined) throw new Error("A statement that writes must run within a transaction.");
    return this.#changes;
  }

  #undo(): void {
    this.#changes!.length = 0;
    if (!this.#connection.isTransaction) return;
    this.#sql.undo.run();
    this.#sql.release.run();
  }

  /** What the journal cannot take, the database must. */
  #keep(transaction: Transaction): void {
    if (!this.#isJournaled(transaction) || this.#journal.bytes > GROUP_BYTES) this.#commit();
  }

  #isJournaled(transaction: Transaction): boolean {
    try {
      return this.#journal.append(transaction);
    } catch {
      return false;
    }
  }

  #commit(): void {
    if (this.#isLost) this.#restore();
    try {
      this.#sql.mark.run(this.#group);
      this.#sql.commit.run();
    } catch (error) {
      this.#restore();
      throw error;
    }
    clearTimeout(this.#timer);
    this.#isOpen = false;
    this.#journal.start(++this.#group);
    this.#committed();
  }

  /** Some errors, such as that of a full disk, make the database drop the whole group. What was acknowledged of it is in the journal. */
  #restore(): void {
    this.#isLost = true;
    if (this.#connection.isTransaction) this.#sql.rollback.run();
    this.#begin();
    doAgain(this.#connection, this.#journal.read(this.#group));
    this.#isLost = false;
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
    mark: prepare("UPDATE groups SET committed = ?"),
  };
}

function notForWriting(): never {
  throw new Error("Statements that write are called by run() or get().");
}
