import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { constants, copyFile, mkdir, open, readdir, rename } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { contentPath } from "../files/content-folder.ts";
import { UNFINISHED } from "../files/key-file.ts";
import { type DataFolder, type DataPaths, pathsIn, takeDataFolder } from "../sqlite/data-folder.ts";
import { BackupFailed, DataFolderInUse } from "../sqlite/data-folder-errors.ts";
import { Database } from "../sqlite/database.ts";
import { newIncarnation } from "../sqlite/group-commits.ts";
import { prepareSchema } from "../sqlite/schema.ts";

interface Backup {
  /** Absolute. */
  readonly target: string;
  readonly files: number;
  /** Blobs that the database names and whose files are not there: a loss of power took them before. */
  readonly lost: readonly string[];
}

const LOCK_PATIENCE_MS = 5_000;
const COPIES_AT_ONCE = 8;

/**
 * Copies a data folder in one consistent state, while a server works on it or none does. As long as the copying takes a transaction keeps the state
 * it began with, so the server unlinks no file that it refers to (`FileGarbage`). The copy has its name only when it is whole and on the disk.
 * @param target must not exist
 * @throws BackupFailed; DataFolderUnusable, DataFormatTooNew
 */
export async function backUp(folder: string, target: string): Promise<Backup> {
  const [from, to] = [resolve(folder), resolve(target)];
  const source = pathsIn(from);
  if (!existsSync(source.databaseFile)) throw new BackupFailed(`There is no workspace in ${from}: nothing to copy.`);
  if (existsSync(to)) throw new BackupFailed(`${to} is there already. Name a folder that is not.`);
  if (!relative(from, to).startsWith(".."))
    throw new BackupFailed(`${to} lies in the data folder. Name another place.`);
  const free = await takeWhereFree(from);
  try {
    return await copyBeside(source, to);
  } finally {
    free?.release();
  }
}

/** Where no server works on it, what the last one acknowledged and did not commit comes in first, and none begins meanwhile. */
async function takeWhereFree(folder: string): Promise<DataFolder | undefined> {
  let taken: DataFolder;
  try {
    taken = takeDataFolder(folder);
  } catch (error) {
    if (error instanceof DataFolderInUse) return undefined;
    throw error;
  }
  try {
    const database = new Database({ ...taken, durable: false });
    prepareSchema(database, folder);
    await database.close();
    return taken;
  } catch (error) {
    taken.release();
    throw error;
  }
}

async function copyBeside(source: DataPaths, to: string): Promise<Backup> {
  const unfinished = makeUnfinished(to);
  const kept = keepState(source.databaseFile);
  try {
    const copy = pathsIn(unfinished);
    await copySecrets(source, copy);
    const content = copyDatabase(source.databaseFile, copy.databaseFile);
    const lost = await copyContent(content, source.blobsFolder, copy.blobsFolder);
    // Those that came since the first look.
    await copySecrets(source, copy);
    await syncFolder(unfinished);
    await rename(unfinished, to);
    await syncFolder(dirname(to));
    return { target: to, files: content.length - lost.length, lost };
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw new BackupFailed(`The copy could not be made: ${(error as Error).message}.`, { cause: error });
  } finally {
    kept.close();
  }
}

/** A folder of our own, readable by this user only. */
function makeUnfinished(to: string): string {
  mkdirSync(dirname(to), { recursive: true });
  return mkdtempSync(join(dirname(to), `.${basename(to)}-unfinished-`));
}

/** An open transaction, which sees what there is now, until it is closed. */
function keepState(databaseFile: string): DatabaseSync {
  const reader = new DatabaseSync(databaseFile, { timeout: LOCK_PATIENCE_MS });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM sqlite_schema").get();
  return reader;
}

interface Content {
  readonly file: number;
  /** Of the blob, where it is a blob's. */
  readonly name: string | null;
}

/** The copy is compact, and no journal is for it. @returns the files that it refers to */
function copyDatabase(from: string, to: string): Content[] {
  const reader = new DatabaseSync(from, { timeout: LOCK_PATIENCE_MS });
  try {
    // Of a version that gave no pages back. Where it is so already the pragma would write, and it is not ours to write.
    const isOld = reader.prepare("PRAGMA auto_vacuum").get()!.auto_vacuum === 0;
    if (isOld) reader.exec("PRAGMA auto_vacuum = INCREMENTAL");
    reader.prepare("VACUUM INTO ?").run(to);
  } finally {
    reader.close();
  }
  const copy = new DatabaseSync(to);
  try {
    copy.exec("PRAGMA synchronous = FULL");
    newIncarnation(copy);
    return copy.prepare(CONTENT).all() as unknown as Content[];
  } finally {
    copy.close();
  }
}

const CONTENT = `SELECT file, max(name) AS name FROM (
    SELECT parts.file, blobs.name FROM parts LEFT JOIN blobs USING (content) UNION ALL SELECT file, NULL FROM blocks
  ) GROUP BY file ORDER BY file`;

/** @returns the names of blobs whose files are not there */
async function copyContent(content: readonly Content[], from: string, to: string): Promise<string[]> {
  await mkdir(to, { recursive: true });
  const lost: string[] = [];
  const folders = new Set<string>();
  const left = content.values();
  const copySome = async () => {
    for (const { file, name } of left) {
      const path = contentPath(file);
      folders.add(dirname(join(to, path)));
      await mkdir(dirname(join(to, path)), { recursive: true });
      if (!(await copyWhereThere(join(from, path), join(to, path)))) lost.push(name ?? `file ${file}`);
    }
  };
  const copied = await Promise.allSettled(Array.from({ length: COPIES_AT_ONCE }, copySome));
  for (const outcome of copied) if (outcome.status === "rejected") throw outcome.reason;
  for (const folder of folders) await syncFolder(folder);
  return lost.sort();
}

async function copySecrets(from: DataPaths, to: DataPaths): Promise<void> {
  await copyWhereThere(from.signingKeyFile, to.signingKeyFile);
  await copyWhereThere(from.secretsKeyFile, to.secretsKeyFile);
  if (!existsSync(from.secretsFolder)) return;
  await mkdir(to.secretsFolder, { recursive: true });
  for (const name of await readdir(from.secretsFolder)) {
    if (name.endsWith(UNFINISHED)) continue;
    await copyWhereThere(join(from.secretsFolder, name), join(to.secretsFolder, name));
  }
}

/** False when it is not there. By reference where the file system can. */
async function copyWhereThere(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return false;
  }
  await sync(to);
  return true;
}

async function sync(file: string): Promise<void> {
  const handle = await open(file, "r+");
  await handle.sync().finally(() => handle.close());
}

/** Windows has no such call. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}
