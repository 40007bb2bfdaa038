import { accessSync, constants, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StoreFull, StoreLocked } from "../../stores/errors.ts";
import { DataFolderInUse, DataFolderUnusable } from "./data-folder-errors.ts";
import { requireOwnDatabase } from "./own-database.ts";
import { keepPrivate, makePrivateFolder } from "./private-folder.ts";
import { asStoreError, isLocked } from "./sqlite-errors.ts";

export type DataPaths = ReturnType<typeof pathsIn>;

export interface DataFolder extends DataPaths {
  release(): void;
}

/** Where what lies in a data folder. */
export function pathsIn(folder: string) {
  return {
    databaseFile: join(folder, "cairn.db"),
    journalFile: join(folder, "cairn.journal"),
    blobsFolder: join(folder, "blobs"),
    signingKeyFile: join(folder, "signing.key"),
    ...secretsIn(folder),
  };
}

/**
 * Creates the folder where needed and takes it for this process, until `release` or the death of the process.
 * @throws DataFolderInUse, DataFolderUnusable
 */
export function takeDataFolder(folder: string): DataFolder {
  const paths = pathsIn(folder);
  const { blobsFolder } = paths;
  const lock = usable(folder, () => {
    requireOwnDatabase(folder, paths.databaseFile);
    makeFolder(blobsFolder);
    keepPrivate(folder);
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    accessSync(blobsFolder, constants.R_OK | constants.W_OK | constants.X_OK);
    return takeLock(folder);
  });
  return { ...paths, release: () => lock.close() };
}

/** Where secrets lie in a data folder. */
export function secretsIn(folder: string) {
  return { secretsFolder: join(folder, "secrets"), secretsKeyFile: join(folder, "secrets.key") };
}

/** An open exclusive transaction: the operating system ends it with the process, however that dies. */
function takeLock(folder: string): DatabaseSync {
  const pidFile = join(folder, "lock.pid");
  const lock = new DatabaseSync(join(folder, "lock.db"), { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    writeFileSync(pidFile, `${process.pid}\n`);
    return lock;
  } catch (error) {
    lock.close();
    throw isLocked(error) ? new DataFolderInUse(folder, readPid(pidFile)) : error;
  }
}

/** Not by `recursive`, which never returns where the file system refuses with "not found", as /proc does. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  makePrivateFolder(folder);
}

function readPid(pidFile: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(pidFile, "utf8"), 10) || undefined;
  } catch {
    return undefined;
  }
}

function usable<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof DataFolderInUse || error instanceof DataFolderUnusable) throw error;
    throw unusable(folder, error) ?? new DataFolderUnusable(folder, error);
  }
}

/** What prevents a start, where it is the disk or another program that does. */
export function unusable(folder: string, error: unknown): DataFolderUnusable | undefined {
  const cause = asStoreError(error);
  if (cause instanceof StoreFull) {
    return new DataFolderUnusable(folder, "the disk is full", "Make room on it, and start again.");
  }
  if (cause instanceof StoreLocked) {
    return new DataFolderUnusable(folder, "another program holds cairn.db", "Close it there, and start again.");
  }
  return undefined;
}
