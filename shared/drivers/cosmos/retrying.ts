import { setTimeout as sleep } from "node:timers/promises";
import type { Ids } from "../../stores/clock.ts";
import { StoreThrottled, StoreUnavailable } from "../../stores/errors.ts";
import { type PassingFailure, passingFailure, withoutWrapping } from "./service-errors.ts";

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;

export interface Attempt {
  /** Ends with the time for retries. Absent at the first attempt, which the client's own time-out ends. */
  readonly abortSignal?: AbortSignal;
  /** Whether an earlier attempt of the call may have been carried out, though nobody heard of it. */
  readonly uncertain: boolean;
}

/**
 * Tries again what fails for reasons that pass (throttling, lost connections, an outage), with growing pauses or those that the service
 * asks for.
 */
export class Retrying {
  readonly #ids: Ids;
  readonly #retryMs: number;

  /** @param retryMs how long to go on after the first failure */
  constructor(ids: Ids, retryMs: number) {
    this.#ids = ids;
    this.#retryMs = retryMs;
  }

  /**
   * @param what the call, for the error
   * @throws StoreUnavailable when the time is over, StoreThrottled when only throttling stood in the way; every other error of `attempt` as it comes
   */
  async run<T>(what: string, attempt: (attempt: Attempt) => Promise<T>): Promise<T> {
    let uncertain = false;
    let abortSignal: AbortSignal | undefined;
    let last: { error: unknown; failure: PassingFailure } | undefined;
    for (let failures = 0; ; failures++) {
      try {
        return await attempt({ abortSignal, uncertain });
      } catch (thrown) {
        const error = withoutWrapping(thrown);
        if (abortSignal?.aborted && last !== undefined) throw unavailable(what, last, true);
        const failure = passingFailure(error);
        if (failure === undefined) throw error;
        uncertain ||= failure.mayHaveHappened;
        last = { error, failure };
      }
      abortSignal ??= AbortSignal.timeout(this.#retryMs);
      if (!(await this.#pause(failures, last.failure, abortSignal))) throw unavailable(what, last, uncertain);
    }
  }

  /** False when the time is over, or would be before the service wants to be asked again. */
  async #pause(failures: number, { retryAfterMs }: PassingFailure, signal: AbortSignal): Promise<boolean> {
    const pauseMs = retryAfterMs === undefined ? this.#growingPauseMs(failures) : this.#aLittleLater(retryAfterMs);
    if (pauseMs >= this.#retryMs) return false;
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    return !signal.aborted;
  }

  /** Those who were told the same time do not all come at once. */
  #aLittleLater(askedMs: number): number {
    return askedMs + this.#ids.integer(FIRST_PAUSE_MS);
  }

  #growingPauseMs(failures: number): number {
    const mostMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
    return mostMs / 2 + this.#ids.integer(mostMs / 2);
  }
}

function unavailable(
  what: string,
  { error, failure }: { error: unknown; failure: PassingFailure },
  uncertain: boolean,
): StoreUnavailable {
  const happened = uncertain ? "It may have been carried out all the same. " : "";
  const message = `Cosmos DB: ${what} failed, at last with ${failure.what}. ${happened}Try again later. ${failure.advice}`;
  const Kind = failure.isThrottling && !uncertain ? StoreThrottled : StoreUnavailable;
  return new Kind(message, Math.max(1, Math.ceil((failure.retryAfterMs ?? 0) / 1_000)), { cause: error });
}
