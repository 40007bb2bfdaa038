import { setTimeout as sleep } from "node:timers/promises";
import type { Ids } from "../../stores/clock.ts";
import { StoreThrottled, StoreUnavailable } from "../../stores/errors.ts";
import { isThrottling, isTransient, retryAfterMs } from "./storage-errors.ts";

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 3_000;
/** Only progress makes room for so many. */
const MAX_ATTEMPTS = 10;

/** What a call does, and how long it may take with all of its attempts: from its last sign of progress, where it gives any. */
export interface CallKind {
  readonly deadlineMs: number;
  /** What its failure leaves open. */
  readonly doubt: string;
}

const MAY_HAVE_HAPPENED = " It may have happened all the same.";
export const READ: CallKind = { deadlineMs: 10_000, doubt: "" };
export const WRITE: CallKind = { deadlineMs: 10_000, doubt: MAY_HAVE_HAPPENED };
/** A write that carries megabytes. */
export const TRANSFER: CallKind = { deadlineMs: 60_000, doubt: MAY_HAVE_HAPPENED };

export interface Attempt {
  /** Ends the request when its time is over. */
  readonly signal: AbortSignal;
  /** An earlier attempt failed without telling whether it had been carried out. */
  readonly isRepeat: boolean;
  /** Says that bytes have been taken: a slow line is given as long as it goes on. */
  progressed(): void;
}

/** Does `attempt`, again and again while it fails for a reason that passes, at most until the deadline. */
export type Retries = <T>(kind: CallKind, what: string, attempt: (attempt: Attempt) => Promise<T>) => Promise<T>;

/**
 * Retries with growing, random waits, or the wait that the service asks for. One attempt gets half of the time, so that a request that
 * hangs is made once more. When the time is over StoreUnavailable is raised, StoreThrottled if only throttling stood in the way; what does not pass
 * is raised at once, as it came. Progress begins the time anew, but not for more than ten attempts.
 */
export function storageRetries(ids: Ids): Retries {
  return async (kind, what, attempt) => {
    let onlyThrottled = true;
    // Not the injected clock: a deadline must end when that one stands still.
    let endMs = performance.now() + kind.deadlineMs;
    for (let failed = 0; ; failed++) {
      try {
        const remainingMs = endMs - performance.now();
        return await inTime(Math.min(kind.deadlineMs / 2, remainingMs), (signal, restart) => {
          const progressed = () => {
            endMs = performance.now() + kind.deadlineMs;
            restart(kind.deadlineMs / 2);
          };
          return attempt({ signal, isRepeat: failed > 0, progressed });
        });
      } catch (error) {
        if (!isTransient(error) && !(error instanceof AttemptTimedOut)) throw error;
        onlyThrottled &&= isThrottling(error);
        const askedMs = retryAfterMs(error);
        // Those who were told the same time do not all come at once.
        const waitMs = askedMs === undefined ? randomWaitMs(failed, ids) : askedMs + ids.integer(FIRST_WAIT_MS);
        const isOver = performance.now() + waitMs >= endMs || failed + 1 >= MAX_ATTEMPTS;
        if (isOver) throw unavailable(kind, what, askedMs ?? waitMs, error, onlyThrottled);
        await sleep(waitMs);
      }
    }
  };
}

class AttemptTimedOut extends Error {}

/** The signal ends the request, but not what is streamed after this has returned. `restart` gives it more time, from now on. */
async function inTime<T>(
  limitMs: number,
  attempt: (signal: AbortSignal, restart: (ms: number) => void) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const end = () => controller.abort();
  let timer = setTimeout(end, limitMs);
  const restart = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(end, ms);
  };
  try {
    return await attempt(controller.signal, restart);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    throw new AttemptTimedOut(`no answer within ${Math.round(limitMs)} ms`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

function randomWaitMs(failed: number, ids: Ids): number {
  const most = Math.min(FIRST_WAIT_MS * 2 ** failed, LONGEST_WAIT_MS);
  return most / 2 + ids.integer(most / 2);
}

function unavailable(
  kind: CallKind,
  what: string,
  waitMs: number,
  cause: unknown,
  isThrottled: boolean,
): StoreUnavailable {
  const reason = cause instanceof Error ? cause.message.split("\n", 1)[0] : String(cause);
  const message = `The store is not available to ${what}: ${reason}.${isThrottled ? "" : kind.doubt}`;
  const Kind = isThrottled ? StoreThrottled : StoreUnavailable;
  return new Kind(message, Math.max(1, Math.ceil(waitMs / 1_000)), { cause });
}
