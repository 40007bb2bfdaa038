import { StoreError, StoreFull, StoreLocked } from "../../stores/errors.ts";

/** What is left of a result code without its details. */
const PRIMARY_CODE = 0xff;
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;
const SQLITE_CONSTRAINT_PRIMARYKEY = 1555;
const SQLITE_CONSTRAINT_UNIQUE = 2067;
const SQLITE_IOERR_SHMSIZE = 4874;
/** Of the system: the disk is full, or what this user may have of it. */
const NO_ROOM = ["ENOSPC", "EDQUOT"];
const TRY_AGAIN_SECONDS = 5;

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

/** What callers can do something about, of what the disk and SQLite say; anything else as it is. */
export function asStoreError(error: unknown): unknown {
  if (error instanceof StoreError) return error;
  if (isFull(error)) return new StoreFull("The disk is full: nothing was written.", { cause: error });
  if (!isLocked(error)) return error;
  return new StoreLocked("Another program holds the database: nothing was written.", TRY_AGAIN_SECONDS, {
    cause: error,
  });
}

function isFull(error: unknown): boolean {
  if (NO_ROOM.includes((error as NodeJS.ErrnoException | undefined)?.code ?? "")) return true;
  const code = resultCode(error);
  return code === SQLITE_FULL || code === SQLITE_IOERR_SHMSIZE;
}

function resultCode(error: unknown): number | undefined {
  return error instanceof Error ? (error as Error & { errcode?: number }).errcode : undefined;
}
