import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";

export const KEY_BYTES = 32;
/** Ends the name of a file that is being written. */
export const UNFINISHED = ".new";

/**
 * Writes a new random key, readable by this user only. It is there whole or not at all, even if the process dies on the way.
 * From the system's source of randomness alone, since a secret must not depend on a source that can be seeded.
 */
export function makeKeyFile(file: string): void {
  const unfinished = `${file}${UNFINISHED}`;
  writeFileSync(unfinished, randomBytes(KEY_BYTES), { mode: 0o600, flush: true });
  renameSync(unfinished, file);
}

/** The key; undefined when there is none, or none that is whole. */
export function readWholeKey(file: string): Buffer | undefined {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat?.size === KEY_BYTES ? readFileSync(file) : undefined;
}
