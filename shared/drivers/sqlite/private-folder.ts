import { chmodSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o600;
const OTHERS = 0o077;
/** What a data folder holds at its top: `cairn.db`, `lock.pid`, `secrets.key`, `blobs` and their kind. */
const OURS = /^(?:cairn|lock|signing|secrets|blobs)(?:[.-]|$)/;

/** Makes a folder that no other user of this machine may look into. Its parent must be there. */
export function makePrivateFolder(folder: string): void {
  mkdirSync(folder, { mode: PRIVATE_FOLDER });
}

/**
 * Takes what earlier versions left open to every user of this machine away from the others: reading the database needs no key. A folder that holds
 * other things, too, stays as open as it is; what is ours in it does not.
 */
export function keepPrivate(folder: string): void {
  const names = readdirSync(folder);
  const ours = names.filter((name) => OURS.test(name));
  for (const name of ours) closeToOthers(join(folder, name));
  if (ours.length === names.length) closeToOthers(folder);
}

/** Where the file system has no modes, or they are another's to set, there is nothing to be done. */
function closeToOthers(path: string): void {
  try {
    const stat = statSync(path);
    if ((stat.mode & OTHERS) !== 0) chmodSync(path, stat.isDirectory() ? PRIVATE_FOLDER : PRIVATE_FILE);
  } catch {}
}
