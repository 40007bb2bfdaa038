import { PreconditionFailed } from "../stores/errors.ts";
import { WorkspaceError } from "./errors.ts";
import { KeyedLock } from "./keyed-lock.ts";

const locks = new KeyedLock();
const ATTEMPTS = 50;

/**
 * Reads, decides and writes conditionally, again and again until no other writer was faster. Writers of one `key` in this process queue up
 * rather than race.
 * @param attempt reads afresh each time it is called; a lost race is the store's PreconditionFailed
 * @throws Unavailable when it lost too often
 */
export function optimistically<T>(key: string, attempt: () => Promise<T>): Promise<T> {
  return locks.run(key, async () => {
    for (let i = 0; i < ATTEMPTS; i++) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof PreconditionFailed)) throw error;
      }
    }
    throw new WorkspaceError("Unavailable", "Too many writers change the same resource at once. Try again.");
  });
}
