/**
 * A whole number of 64 bits, as MLflow's steps and times are: a bigint only where a number would not be exact. Both compare with `<` and `>`;
 * arithmetic needs a look at the type.
 */
export type Int64 = number | bigint;

/** As documents hold it, which refuse numbers that are not exact: those in decimals. */
export type StoredInt64 = number | string;

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

/** Undefined for what has no room in 64 bits. */
export function int64Of(value: bigint): Int64 | undefined {
  return value >= MIN && value <= MAX ? exactInt64(value) : undefined;
}

/** The one form of a value. */
export function exactInt64(value: Int64): Int64 {
  if (typeof value === "number") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

export function compareInt64(a: Int64, b: Int64): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function storedInt64(value: Int64): StoredInt64 {
  return typeof value === "number" ? value : String(value);
}

/** The reverse of `storedInt64`. */
export function int64From(stored: StoredInt64): Int64 {
  return typeof stored === "number" ? stored : BigInt(stored);
}

/** What `JSON.stringify` writes as a number with all its digits. */
export function int64Json(value: Int64 | StoredInt64): unknown {
  return typeof value === "number" ? value : rawJson(String(value));
}

/** Built into JavaScript, but not yet into TypeScript's library. */
const { rawJSON: rawJson } = JSON as unknown as { rawJSON(text: string): unknown };
