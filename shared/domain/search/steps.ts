import { invalid } from "../errors.ts";

/** What one search may do: half a second of it. The first 1,000 of a million runs, by three clauses and two sort keys, take some 10 million. */
const MAX_SEARCH_STEPS = 40_000_000;
/** So many characters does the engine look at in the time of one step. */
const CHARACTERS_PER_STEP = 4;

/**
 * Counts what a search does, in looks at a cell or a row. The search runs in one go, so that it sees one state of its tables: nobody else is answered
 * meanwhile, and what makes it dear is the caller's.
 */
export class Steps {
  /** So many were taken. */
  taken = 0;
  private readonly limit: number;

  constructor(limit = MAX_SEARCH_STEPS) {
    this.limit = limit;
  }

  /** @throws InvalidParameter when there are not so many left */
  take(count: number): void {
    this.taken += count;
    if (this.taken > this.limit) throw tooDear();
  }

  /** Takes what it takes the engine to look at a text. */
  read(characters: number): void {
    this.take(1 + Math.ceil(characters / CHARACTERS_PER_STEP));
  }
}

function tooDear(): Error {
  return invalid(
    "The search takes too many steps. Name fewer experiments in 'experiment_ids', fewer clauses in 'filter' (LIKE and ILIKE on long values are the " +
      "dearest) or fewer keys in 'order_by'.",
  );
}
