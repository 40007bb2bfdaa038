import { invalid } from "../domain/errors.ts";
import type { ByteStream } from "../stores/blob-store.ts";

/** Counts the requests that a process works on. One that waits for its client to send is not worked on: slow clients fill no gate. */
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

  /** A body of a request that has passed. @throws InvalidParameter when it breaks off: that is its client's doing, and no fault to log. */
  async *outside(body: ByteStream): ByteStream {
    const chunks = body[Symbol.asyncIterator]();
    try {
      for (;;) {
        this.#running--;
        const { done, value } = await chunks
          .next()
          .catch(brokenOff)
          .finally(() => this.#running++);
        if (done) return;
        yield value;
      }
    } finally {
      await chunks.return?.();
    }
  }
}

function brokenOff(): never {
  throw invalid("The request ended in the middle of its body.");
}
