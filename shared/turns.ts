import { AsyncLocalStorage } from "node:async_hooks";

/** Longer than that nobody works while others wait. */
const MAX_HELD_MS = 5;
/** Of no request. */
const BACKGROUND = "";

/** Whose work something is; undefined: nobody knows yet. */
export interface Owner {
  readonly caller: string | undefined;
}

/**
 * Shares the event loop out. Whoever would hold it for longer than some ms waits, and is served in one of the next
 * turns of the loop: callers one after the other, each for some ms, and what one caller has waiting in the order in
 * which it came. So however much one sends at once, the others wait for one piece of its work, and not for all.
 */
export class Turns {
  /** When work began in this turn of the event loop; undefined: none has yet. */
  #sinceMs: number | undefined;
  readonly #owners = new AsyncLocalStorage<Owner>();
  /** By caller, in the order in which they are served. */
  readonly #waiting = new Map<string, (() => void)[]>();
  /** Who was served last, and comes last in the next turn. */
  #served: string | undefined;

  /** Does the work of somebody. */
  workFor<T>(owner: Owner, work: () => T): T {
    return this.#owners.run(owner, work);
  }

  /** @see turn */
  turn(): Promise<void> | undefined {
    const nowMs = performance.now();
    if (this.#sinceMs === undefined) return this.#start(nowMs);
    return nowMs - this.#sinceMs < MAX_HELD_MS ? undefined : this.#wait();
  }

  /** @see begin */
  begin(): Promise<void> | undefined {
    return this.#sinceMs === undefined ? this.#start(performance.now()) : this.#wait();
  }

  #start(nowMs: number): undefined {
    this.#sinceMs = nowMs;
    setImmediate(this.#nextTurn);
  }

  #wait(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const caller = this.#owners.getStore()?.caller ?? BACKGROUND;
    const own = this.#waiting.get(caller);
    if (own) own.push(resolve);
    else this.#waiting.set(caller, [resolve]);
    return promise;
  }

  readonly #nextTurn = () => {
    this.#sinceMs = undefined;
    const [first] = this.#waiting;
    if (!first) return;
    this.#start(performance.now());
    const [caller, own] = first;
    if (caller === this.#served) {
      this.#waiting.delete(caller);
      this.#waiting.set(caller, own);
    }
    this.#serve();
  };

  /** What has waited goes on, as far as it can, before the next one does. */
  readonly #serve = () => {
    const [first] = this.#waiting;
    if (!first || performance.now() - this.#sinceMs! >= MAX_HELD_MS) return;
    const [caller, own] = first;
    const goOn = own.shift()!;
    if (own.length === 0) this.#waiting.delete(caller);
    this.#served = caller;
    goOn();
    queueMicrotask(() => process.nextTick(this.#serve));
  };
}

const turns = new Turns();

/**
 * Lets others be served when this turn of the event loop has been held for some ms. Embedded stores answer at once,
 * and an `await` of what is there already is no turn; so they ask with each answer that took them work, and loops that
 * do without a store ask once for each item. What cannot be interrupted asks before it.
 * @returns undefined: go on at once
 */
export const turn = (): Promise<void> | undefined => turns.turn();

/**
 * The same for who has come from outside, when it has all that it needs: one at a time begins in each turn of the
 * event loop, since nobody knows yet how long it will take; more of them when they turn out to be short.
 */
export const begin = (): Promise<void> | undefined => turns.begin();

/** Does work for somebody, with whom it takes turns then. */
export const workFor = <T>(owner: Owner, work: () => T): T => turns.workFor(owner, work);

/** A result, once others have had their turn. */
export function afterTurn<T>(result: T): T | Promise<T> {
  return turn()?.then(() => result) ?? result;
}
