import { invalid } from "../domain/errors.ts";
import type { RequestBody } from "./types.ts";

/**
 * Counts the requests that a process works on. While a request waits for its client to send more of its body it does
 * not count, so slow clients keep nobody out.
 */
export class Gate {
  readonly #limit: number;
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  isFull(): boolean {
    return this.#running >= this.#limit;
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
    }
  }

  /**
   * Wraps the body of a request that has passed: while it waits for more, the request does not count. Reading fails
   * with InvalidParameter when the body breaks off: that is its client's doing, and no fault to log.
   */
  outside(body: RequestBody): RequestBody {
    const pushTo = body.pushTo && ((take: (chunk: Uint8Array) => boolean) => this.#wait(() => body.pushTo!(take)));
    return { pushTo, [Symbol.asyncIterator]: () => this.#chunks(body[Symbol.asyncIterator]()) };
  }

  #chunks(chunks: AsyncIterator<Uint8Array>): AsyncIterator<Uint8Array> {
    return {
      next: () => this.#wait(() => chunks.next()),
      return: async () => (await chunks.return?.()) ?? { done: true, value: undefined },
    };
  }

  async #wait<T>(read: () => Promise<T>): Promise<T> {
    this.#running--;
    try {
      return await read();
    } catch {
      throw invalid("The request ended in the middle of its body.");
    } finally {
      this.#running++;
    }
  }
}
