import type { Database } from "../sqlite/database.ts";
import type { Statement } from "../sqlite/statement.ts";

export interface BlobRow {
  readonly name: string;
  readonly content: number;
  readonly size: number;
  readonly content_type: string;
  readonly modified_ms: number;
}

interface PartRow {
  readonly start: number;
  readonly size: number;
  readonly file: number;
}

export interface BlockRow {
  readonly file: number;
  readonly size: number;
}

export interface BlobStatements {
  /** (name) */
  readonly blob: Statement<BlobRow>;
  /** (name, content, size, content type, modified) */
  readonly writeBlob: Statement<never>;
  /** (name) */
  readonly removeBlob: Statement<never>;
  /** (from): in order of name */
  readonly blobsFrom: Statement<BlobRow>;

  /** (content, start, size, file) */
  readonly addPart: Statement<never>;
  /** (content, first, last): the parts that hold bytes first to last */
  readonly parts: Statement<PartRow>;
  /** (content) */
  readonly files: Statement<{ file: number }>;
  /** (content) */
  readonly removeParts: Statement<never>;

  /** (content): a row when the content is of a file that grows */
  readonly appended: Statement<{ file: number }>;
  /** (content) */
  readonly addAppended: Statement<never>;
  /** (content) */
  readonly removeAppended: Statement<never>;
  /** (size, content) */
  readonly growPart: Statement<never>;
  /** (size, modified, name) */
  readonly growBlob: Statement<never>;

  /** (name, block id) */
  readonly block: Statement<BlockRow>;
  /** (name): all staged blocks of a blob */
  readonly blocks: Statement<BlockRow>;
  /** (name, length): one whose id has another length */
  readonly blockOfOtherLength: Statement<{ block_id: string }>;
  /** (name, block id, file, size, staged) */
  readonly writeBlock: Statement<never>;
  /** (name) */
  readonly removeBlocks: Statement<never>;
  /** (before): names whose last staged block is as old */
  readonly abandoned: Statement<{ name: string }>;

  /** A number never used before, as the row's key. */
  readonly allocate: Statement<never>;
  /** (file) */
  readonly addGarbage: Statement<never>;
  /** (file) */
  readonly removeGarbage: Statement<never>;
  readonly garbage: Statement<{ file: number }>;
}

/** Every query on the tables of blobs. */
export function blobStatements(database: Database): BlobStatements {
  return {
    blob: database.prepare("SELECT name, content, size, content_type, modified_ms FROM blobs WHERE name = ?"),
    writeBlob: database.prepare(
      "INSERT OR REPLACE INTO blobs (name, content, size, content_type, modified_ms) VALUES (?, ?, ?, ?, ?)",
    ),
    removeBlob: database.prepare("DELETE FROM blobs WHERE name = ?"),
    blobsFrom: database.prepare(
      "SELECT name, content, size, content_type, modified_ms FROM blobs WHERE name >= ? ORDER BY name",
    ),

    addPart: database.prepare("INSERT INTO parts (content, start, size, file) VALUES (?, ?, ?, ?)"),
    parts: database.prepare(
      `SELECT start, size, file FROM parts
       WHERE content = ?1 AND start <= ?3 AND start >= (SELECT max(start) FROM parts WHERE content = ?1 AND start <= ?2)
       ORDER BY start`,
    ),
    files: database.prepare("SELECT DISTINCT file FROM parts WHERE content = ?"),
    removeParts: database.prepare("DELETE FROM parts WHERE content = ?"),

    appended: database.prepare("SELECT file FROM appended JOIN parts USING (content) WHERE content = ?"),
    addAppended: database.prepare("INSERT INTO appended (content) VALUES (?)"),
    removeAppended: database.prepare("DELETE FROM appended WHERE content = ?"),
    growPart: database.prepare("UPDATE parts SET size = ? WHERE content = ?"),
    growBlob: database.prepare("UPDATE blobs SET size = ?, modified_ms = ? WHERE name = ?"),

    block: database.prepare("SELECT file, size FROM blocks WHERE name = ? AND block_id = ?"),
    blocks: database.prepare("SELECT file, size FROM blocks WHERE name = ?"),
    blockOfOtherLength: database.prepare(
      "SELECT block_id FROM blocks WHERE name = ? AND length(block_id) <> ? LIMIT 1",
    ),
    writeBlock: database.prepare(
      "INSERT OR REPLACE INTO blocks (name, block_id, file, size, staged_ms) VALUES (?, ?, ?, ?, ?)",
    ),
    removeBlocks: database.prepare("DELETE FROM blocks WHERE name = ?"),
    abandoned: database.prepare("SELECT name FROM blocks GROUP BY name HAVING max(staged_ms) <= ?"),

    allocate: database.prepare("INSERT INTO garbage DEFAULT VALUES"),
    addGarbage: database.prepare("INSERT INTO garbage (file) VALUES (?)"),
    removeGarbage: database.prepare("DELETE FROM garbage WHERE file = ?"),
    garbage: database.prepare("SELECT file FROM garbage"),
  };
}
