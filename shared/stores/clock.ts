/** The only source of time; frozen in tests. */
export interface Clock {
  /**
   * Milliseconds since 1970-01-01 UTC: the time of day, which somebody may set back or forward at any moment. For what is told to people,
   * stored, or compared with what other machines say.
   */
  now(): number;
  /** Milliseconds since some moment: never goes back, whatever happens to the time of day. For what lasts within this process. */
  elapsed(): number;
}

/** The only source of randomness; seeded in tests. */
export interface Ids {
  /** `bytes` random bytes as lower-case hex. */
  hex(bytes: number): string;
  /** A whole number from 0 to `below` - 1. */
  integer(below: number): number;
}
