import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { DataFolderUnusable } from "./data-folder-errors.ts";
import { isDamaged } from "./sqlite-errors.ts";

const ELSEWHERE = "Choose another folder with --data.";
const RESTORE = "Restore a backup of the whole folder, or choose another one with --data.";

/**
 * Looks at a database before anything of it, or beside it, is changed: opening it to write would already make it ours.
 * @throws DataFolderUnusable for one that is damaged or another program's
 */
export function requireOwnDatabase(folder: string, databaseFile: string): void {
  if (!existsSync(databaseFile)) return;
  const names = namesIn(folder, databaseFile);
  // A process that dies while it makes a database leaves one with this table alone.
  const isBegun = names.every((name) => name === "journaled");
  if (!isBegun && !["runs", "catalog", "messages"].every((name) => names.includes(name))) {
    throw new DataFolderUnusable(folder, `${databaseFile} is another program's database`, ELSEWHERE);
  }
}

/** Tables and indices. */
function namesIn(folder: string, databaseFile: string): string[] {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(databaseFile, { readOnly: true });
    return database
      .prepare("SELECT name FROM sqlite_schema")
      .all()
      .map(({ name }) => String(name));
  } catch (error) {
    throw usableOrNot(folder, databaseFile, error);
  } finally {
    database?.close();
  }
}

/** Says of an error of SQLite, if that is what it means, that the database is damaged. */
export function usableOrNot(folder: string, databaseFile: string, error: unknown): unknown {
  return isDamaged(error)
    ? new DataFolderUnusable(folder, `${databaseFile} is damaged, or no database at all`, RESTORE)
    : error;
}
