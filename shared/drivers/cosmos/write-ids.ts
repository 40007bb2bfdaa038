import type { Clock, Ids } from "../../stores/clock.ts";

const RANDOM_BYTES = 8;
const MAX_COUNT = 1_000_000;

/**
 * Ids for writes, one for each call: unique, and in alphabetical order that of the calls. Cosmos DB stamps writes with
 * whole seconds; of those within a second these ids tell the order, between two instances as well as their clocks
 * agree.
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
