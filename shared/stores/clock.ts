/** The only source of time; frozen in tests. */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC. */
  now(): number;
}

/** The only source of randomness; seeded in tests. */
export interface Ids {
  /** `bytes` random bytes as lower-case hex. */
  hex(bytes: number): string;
  /** A whole number from 0 to `below` - 1. */
  integer(below: number): number;
}
