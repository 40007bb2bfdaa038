/** What is left of a result code without its details. */
const PRIMARY_CODE = 0xff;
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;
const SQLITE_CONSTRAINT_PRIMARYKEY = 1555;
const SQLITE_CONSTRAINT_UNIQUE = 2067;

/** Whether another connection holds the lock that was asked for. */
export function isLocked(error: unknown): boolean {
  return resultCode(error) === SQLITE_BUSY;
}

/** Whether the file is no database, or not a whole one. */
export function isDamaged(error: unknown): boolean {
  const code = (resultCode(error) ?? 0) & PRIMARY_CODE;
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB;
}

/** Whether a row of the same key exists already. */
export function isDuplicate(error: unknown): boolean {
  const code = resultCode(error);
  return code === SQLITE_CONSTRAINT_UNIQUE || code === SQLITE_CONSTRAINT_PRIMARYKEY;
}

function resultCode(error: unknown): number | undefined {
  return error instanceof Error ? (error as Error & { errcode?: number }).errcode : undefined;
}
