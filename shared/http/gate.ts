import { invalid } from "../domain/errors.ts";
import { type Owner, workFor } from "../turns.ts";
import { Shares } from "./shares.ts";
import type { RequestBody } from "./types.ts";

/**
 * Counts the requests that a process works on, and whose they are: whoever sends more than there may be keeps nobody
 * else out. While a request waits for its client to send more of its body it does not count.
 */
export class Gate {
  readonly #running: Shares;

  /** @param limit of all together */
  constructor(limit: number) {
    this.#running = new Shares(limit);
  }

  async pass<T>(work: (passage: Passage) => Promise<T>): Promise<T> {
    const passage = new Passage(this.#running);
    try {
      return await workFor(passage, () => work(passage));
    } finally {
      passage.leave();
    }
  }
}

/** One request that is worked on. */
export class Passage implements Owner {
  readonly #running: Shares;
  #caller: string | undefined;

  constructor(running: Shares) {
    this.#running = running;
    this.#enter();
  }

  get caller(): string | undefined {
    return this.#caller;
  }

  /** Tells whose it is. False: that caller has as many as it may have. */
  belongsTo(caller: string): boolean {
    this.leave();
    this.#caller = caller;
    this.#enter();
    return !this.#running.isTooMuch(caller);
  }

  /**
   * Wraps the body of the request: while it waits for more, the request does not count. Reading fails
   * with InvalidParameter when the body breaks off: that is its client's doing, and no fault to log.
   */
  outside(body: RequestBody): RequestBody {
    const pushTo = body.pushTo && ((take: (chunk: Uint8Array) => boolean) => this.#wait(() => body.pushTo!(take)));
    return { pushTo, [Symbol.asyncIterator]: () => this.#chunks(body[Symbol.asyncIterator]()) };
  }

  leave(): void {
    this.#running.hold(this.#caller, -1);
  }

  #enter(): void {
    this.#running.hold(this.#caller, 1);
  }

  #chunks(chunks: AsyncIterator<Uint8Array>): AsyncIterator<Uint8Array> {
    return {
      next: () => this.#wait(() => chunks.next()),
      return: async () => (await chunks.return?.()) ?? { done: true, value: undefined },
    };
  }

  async #wait<T>(read: () => Promise<T>): Promise<T> {
    this.leave();
    try {
      return await read();
    } catch {
      throw invalid("The request ended in the middle of its body.");
    } finally {
      this.#enter();
    }
  }
}
