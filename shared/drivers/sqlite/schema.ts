import { DataFormatTooNew } from "./data-folder-errors.ts";
import type { Database } from "./database.ts";

/** The containers of documents; each is a table of its own. */
const DOCUMENT_TABLES = ["runs", "catalog", "events"] as const;
export type DocumentTable = (typeof DOCUMENT_TABLES)[number];

/** Rises with every change that an older version could not read: 2 has a journal, 3 one for each incarnation of the database. */
const DATA_FORMAT = 3;

/**
 * Brings in what the last process left, and makes the tables of a new database.
 * @throws DataFormatTooNew when a later version has written it
 */
export function prepareSchema(database: Database, folder: string): void {
  const found = database.prepare<{ user_version: number }>("PRAGMA user_version").get()?.user_version ?? 0;
  if (found > DATA_FORMAT) throw new DataFormatTooNew(folder, found, DATA_FORMAT);
  database.recover();
  const tables = found === 0 ? [...DOCUMENT_TABLES.map(documentTable), QUEUE_TABLE, BLOB_TABLES] : [];
  if (found < DATA_FORMAT) {
    database.execute(`BEGIN IMMEDIATE; ${tables.join("\n")} PRAGMA user_version = ${DATA_FORMAT}; COMMIT`);
  }
  database.execute(APPENDED_TABLE);
  database.beginServing();
}

/**
 * `seq` rises with every write and is never used again: it is the ETag and the mark of `changes`. The body comes last, so that
 * reading the other columns does not read its pages.
 */
function documentTable(name: DocumentTable): string {
  return `
    CREATE TABLE ${name} (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      partition TEXT NOT NULL,
      id TEXT NOT NULL,
      scope TEXT NOT NULL,
      uniq TEXT,
      expires_ms INTEGER,
      body TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX ${name}_by_id ON ${name} (partition, id);
    CREATE UNIQUE INDEX ${name}_by_unique ON ${name} (partition, uniq) WHERE uniq IS NOT NULL;
    CREATE INDEX ${name}_by_scope ON ${name} (scope, seq);
    CREATE INDEX ${name}_by_expiry ON ${name} (expires_ms) WHERE expires_ms IS NOT NULL;`;
}

const QUEUE_TABLE = `
  CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    visible_ms INTEGER NOT NULL,
    inserted_ms INTEGER NOT NULL,
    receipt INTEGER NOT NULL DEFAULT 0,
    dequeue_count INTEGER NOT NULL DEFAULT 0,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX messages_by_visibility ON messages (queue, visible_ms, seq);`;

/**
 * Content is a list of parts, each a whole file; files and contents are numbered from one sequence, that of `garbage`.
 * `garbage` holds the files that nothing refers to: those being written, and those of replaced content not yet unlinked.
 */
const BLOB_TABLES = `
  CREATE TABLE blobs (
    name TEXT PRIMARY KEY,
    content INTEGER NOT NULL,
    size INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    modified_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE parts (
    content INTEGER NOT NULL,
    start INTEGER NOT NULL,
    size INTEGER NOT NULL,
    file INTEGER NOT NULL,
    PRIMARY KEY (content, start)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE blocks (
    name TEXT NOT NULL,
    block_id TEXT NOT NULL,
    file INTEGER NOT NULL,
    size INTEGER NOT NULL,
    staged_ms INTEGER NOT NULL,
    PRIMARY KEY (name, block_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE garbage (file INTEGER PRIMARY KEY AUTOINCREMENT) STRICT;`;

/** Which contents are of one file that grows. Younger than the format, to which it makes no difference. */
const APPENDED_TABLE = "CREATE TABLE IF NOT EXISTS appended (content INTEGER PRIMARY KEY) STRICT";
