import type { Clock } from "../../stores/clock.ts";
import type { QueueMessage, WorkQueue } from "../../stores/work-queue.ts";
import { afterTurn, turn } from "../../turns.ts";
import {
  checkBody,
  checkDelay,
  checkQueueName,
  checkReceive,
  checkUpdate,
  lostMessage,
  MAX_SECONDS,
  NEVER_MS,
} from "../common/queue-rules.ts";
import type { Database } from "./database.ts";
import type { Statement } from "./statement.ts";

interface MessageRow {
  readonly seq: number;
  readonly receipt: number;
  readonly dequeue_count: number;
  readonly inserted_ms: number;
  readonly body: string;
}

type Receipt = Pick<QueueMessage, "id" | "popReceipt">;

/**
 * Queues in a table of the embedded database. Messages never expire. How long one is invisible is measured by the time that passes, from the time
 * of day at which this process began: a clock that is set back delays no message, one that is set forward hands none out twice.
 */
export class SqliteWorkQueue implements WorkQueue {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #sql: QueueStatements;
  readonly #beganMs: number;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#sql = queueStatements(database);
    this.#beganMs = clock.now() - clock.elapsed();
    this.#bringBack();
  }

  async send(queue: string, body: string, delaySeconds = 0): Promise<string> {
    const send = () => this.#database.write(() => this.#insert(queue, body, delaySeconds));
    return afterTurn(this.#database.patiently(send));
  }

  #insert(queue: string, body: string, delaySeconds: number): string {
    checkQueueName(queue);
    checkBody(body);
    checkDelay(delaySeconds);
    const visibleMs = this.#now() + delaySeconds * 1_000;
    return String(this.#sql.insert.run(queue, visibleMs, this.#clock.now(), body).lastInsertRowid);
  }

  async receive(queue: string, max: number, visibilitySeconds: number): Promise<QueueMessage[]> {
    checkQueueName(queue);
    checkReceive(max, visibilitySeconds);
    if (this.#sql.visible.get(queue, this.#now(), 1) === undefined) return [];
    const take = () => this.#database.transaction(() => this.#take(queue, max, visibilitySeconds));
    return afterTurn(this.#database.patiently(take));
  }

  async update(queue: string, message: Receipt, visibilitySeconds: number, body?: string): Promise<string> {
    checkQueueName(queue);
    checkUpdate(visibilitySeconds);
    if (body !== undefined) checkBody(body);
    const visibleMs = this.#now() + visibilitySeconds * 1_000;
    const { id, popReceipt } = message;
    const update = () => this.#sql.update.get(visibleMs, body ?? null, queue, id, popReceipt);
    const row = await this.#database.patiently(() => this.#database.write(update));
    if (row === undefined) throw lostMessage(id);
    return afterTurn(String(row.receipt));
  }

  async remove(queue: string, message: Receipt): Promise<void> {
    checkQueueName(queue);
    const { id, popReceipt } = message;
    const remove = () => this.#sql.remove.run(queue, id, popReceipt);
    const { changes } = await this.#database.patiently(() => this.#database.write(remove));
    if (changes === 0) throw lostMessage(id);
    await turn();
  }

  async count(queue: string): Promise<number> {
    checkQueueName(queue);
    return this.#sql.count.get(queue)?.count ?? 0;
  }

  #take(queue: string, max: number, visibilitySeconds: number): QueueMessage[] {
    const now = this.#now();
    const nextVisibleAtMs = now + visibilitySeconds * 1_000;
    const rows = this.#sql.visible.all(queue, now, max);
    for (const row of rows) this.#sql.hide.run(nextVisibleAtMs, row.seq);
    return rows.map((row) => received(row, nextVisibleAtMs));
  }

  #now(): number {
    return Math.floor(this.#beganMs + this.#clock.elapsed());
  }

  /** What was sent under a clock that ran ahead and was set right since would wait until then. */
  #bringBack(): void {
    const now = this.#now();
    const strays = this.#sql.strays.all(now + 1_000, now + MAX_SECONDS * 1_000);
    if (strays.length === 0) return;
    this.#database.transaction(() => {
      for (const { seq } of strays) this.#sql.show.run(now, seq);
    });
  }
}

interface QueueStatements {
  /** (now, latest): messages of a time to come, and those that wait for longer than any may. */
  readonly strays: Statement<Pick<MessageRow, "seq">>;
  /** (now, seq) */
  readonly show: Statement<never>;
  /** (queue, visible, inserted, body) */
  readonly insert: Statement<never>;
  /** (queue, now, limit) */
  readonly visible: Statement<MessageRow>;
  /** (visible, seq) */
  readonly hide: Statement<never>;
  /** (visible, body or null, queue, id, receipt) */
  readonly update: Statement<{ receipt: number }>;
  /** (queue, id, receipt) */
  readonly remove: Statement<never>;
  /** (queue) */
  readonly count: Statement<{ count: number }>;
}

/** Every query on the table of messages. Receipts are compared as texts, so that one of somebody else's making equals none. */
function queueStatements(database: Database): QueueStatements {
  const held = "queue = ? AND seq = CAST(? AS INTEGER) AND CAST(receipt AS TEXT) = ?";
  return {
    strays: database.prepare("SELECT seq FROM messages WHERE inserted_ms > ? OR visible_ms > ?"),
    show: database.prepare("UPDATE messages SET visible_ms = ? WHERE seq = ?"),
    insert: database.prepare("INSERT INTO messages (queue, visible_ms, inserted_ms, body) VALUES (?, ?, ?, ?)"),
    visible: database.prepare(
      `SELECT seq, receipt, dequeue_count, inserted_ms, body FROM messages
       WHERE queue = ? AND visible_ms <= ? ORDER BY visible_ms, seq LIMIT ?`,
    ),
    hide: database.prepare(
      "UPDATE messages SET visible_ms = ?, receipt = receipt + 1, dequeue_count = dequeue_count + 1 WHERE seq = ?",
    ),
    update: database.prepare(
      `UPDATE messages SET visible_ms = ?, body = coalesce(?, body), receipt = receipt + 1 WHERE ${held} RETURNING receipt`,
    ),
    remove: database.prepare(`DELETE FROM messages WHERE ${held}`),
    count: database.prepare("SELECT count(*) AS count FROM messages WHERE queue = ?"),
  };
}

function received(row: MessageRow, nextVisibleAtMs: number): QueueMessage {
  return {
    id: String(row.seq),
    popReceipt: String(row.receipt + 1),
    body: row.body,
    dequeueCount: row.dequeue_count + 1,
    insertedAtMs: row.inserted_ms,
    expiresAtMs: NEVER_MS,
    nextVisibleAtMs,
  };
}
