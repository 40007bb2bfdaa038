import type { Clock } from "../stores/clock.ts";

const MAX_KEYS = 10_000;

/** Remembers when something was done for each key, so that it is not done again at once. Forgetting that does no harm. */
export class OnceInAWhile {
  private readonly doneAtMs = new Map<string, number>();

  /** Whether it was not done for `everyMs`; if so it counts as done now. */
  isDue(clock: Clock, key: string, everyMs: number): boolean {
    const nowMs = clock.elapsed();
    if (nowMs - (this.doneAtMs.get(key) ?? Number.NEGATIVE_INFINITY) < everyMs) return false;
    if (this.doneAtMs.size >= MAX_KEYS) this.doneAtMs.clear();
    this.doneAtMs.set(key, nowMs);
    return true;
  }
}
