import { WorkspaceError } from "./errors.ts";

/** As long as a call to a store may take: whoever has waited for so long would only find that out for themselves. */
const LONGEST_WAIT_MS = 10_000;

/**
 * Lets one task at a time run for each key within this process. Correctness never rests on it (ETags see to that); it spares writers of one
 * document from losing races against each other.
 */
export class KeyedLock {
  private readonly tails = new Map<string, Promise<unknown>>();
  private readonly elapsedMs: () => number;

  /** @param elapsedMs milliseconds since some moment; never goes back */
  constructor(elapsedMs: () => number = () => performance.now()) {
    this.elapsedMs = elapsedMs;
  }

  /** @throws Unavailable when those before took so long, as they do while a store does not answer: nothing was tried then */
  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.tails.get(key);
    const sinceMs = this.elapsedMs();
    const inTime = () => {
      if (this.elapsedMs() - sinceMs < LONGEST_WAIT_MS) return task();
      throw new WorkspaceError(
        "Unavailable",
        "Those who change the same resource take too long. Try again a little later.",
      );
    };
    const mine = before ? before.then(inTime, inTime) : task();
    this.tails.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.tails.get(key) === mine) this.tails.delete(key);
    }
  }
}
