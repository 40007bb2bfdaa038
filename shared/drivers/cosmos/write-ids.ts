import type { Clock, Ids } from "../../stores/clock.ts";

const RANDOM_BYTES = 8;
const MAX_COUNT = 1_000_000;

/**
 * Names for writes, one for each call: unique, and as texts in the order of the calls. Between instances their clocks decide, so it tells
 * the order of what the service stamps with the same second as well as it can be told.
 */
export class WriteIds {
  readonly #clock: Clock;
  readonly #ids: Ids;
  #count = 0;

  constructor(clock: Clock, ids: Ids) {
    this.#clock = clock;
    this.#ids = ids;
  }

  /** `<13 digits of milliseconds>-<6 digits that count>-<16 random hex digits>` */
  next(): string {
    this.#count = (this.#count + 1) % MAX_COUNT;
    const timeMs = String(this.#clock.now()).padStart(13, "0");
    return `${timeMs}-${String(this.#count).padStart(6, "0")}-${this.#ids.hex(RANDOM_BYTES)}`;
  }
}
