import type { Database } from "./database.ts";
import type { DocumentTable } from "./schema.ts";
import type { Later, Statement } from "./statement.ts";

export interface ItemRow {
  readonly seq: number;
  readonly partition: string;
  readonly id: string;
  readonly body: string;
}

export interface DocumentStatements {
  /** (partition, id, now) */
  readonly get: Statement<ItemRow>;
  /** (partition, id, scope, unique, expires, body) */
  readonly insert: Statement<never>;
  /** (partition, id, scope, body) */
  readonly ensure: Later;
  /** (partition, id, now) */
  readonly remove: Statement<never>;
  /** (partition, id, seq, now) */
  readonly removeCurrent: Statement<never>;
  /** (partition, id, unique, now): what has expired and still holds the id or the unique value. */
  readonly removeExpired: Statement<never>;
  /** (partition, from, to, now) */
  readonly list: Statement<ItemRow>;
  /** (scope, after, now) */
  readonly changes: Statement<ItemRow>;
  /** (now, limit) */
  readonly sweep: Statement<never>;
}

/** Every query on a table of documents. */
export function documentStatements(database: Database, table: DocumentTable): DocumentStatements {
  const alive = "(expires_ms IS NULL OR expires_ms > ?)";
  return {
    get: database.prepare(`SELECT seq, partition, id, body FROM ${table} WHERE partition = ? AND id = ? AND ${alive}`),
    insert: database.prepare(
      `INSERT INTO ${table} (partition, id, scope, uniq, expires_ms, body) VALUES (?, ?, ?, ?, ?, ?)`,
    ),
    ensure: database.prepareLater(
      `INSERT INTO ${table} (partition, id, scope, body) VALUES (?, ?, ?, ?) ON CONFLICT (partition, id) DO NOTHING`,
    ),
    remove: database.prepare(`DELETE FROM ${table} WHERE partition = ? AND id = ? AND ${alive}`),
    removeCurrent: database.prepare(`DELETE FROM ${table} WHERE partition = ? AND id = ? AND seq = ? AND ${alive}`),
    removeExpired: database.prepare(
      `DELETE FROM ${table} WHERE partition = ?1 AND (id = ?2 OR uniq = ?3) AND expires_ms <= ?4`,
    ),
    list: database.prepare(
      `SELECT seq, partition, id, body FROM ${table}
       WHERE partition = ? AND id >= ? AND id < ? AND ${alive} ORDER BY id`,
    ),
    changes: database.prepare(
      `SELECT seq, partition, id, body FROM ${table} WHERE scope = ? AND seq > ? AND ${alive} ORDER BY seq`,
    ),
    sweep: database.prepare(
      `DELETE FROM ${table} WHERE seq IN (SELECT seq FROM ${table} WHERE expires_ms <= ? ORDER BY expires_ms, seq LIMIT ?)`,
    ),
  };
}
