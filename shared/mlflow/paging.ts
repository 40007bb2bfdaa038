import { invalid } from "../domain/errors.ts";
import { enumeration } from "./message.ts";

export const VIEW_TYPE = enumeration(["ACTIVE_ONLY", "DELETED_ONLY", "ALL"] as const);

/** @throws InvalidParameter outside 1 to `limit` */
export function requireMaxResults(value: number, limit: number): number {
  if (value >= 1 && value <= limit) return value;
  throw invalid(
    `Invalid value ${value} for parameter 'max_results' supplied. It must be ${
      value < 1 ? "a positive integer" : `at most ${limit}`
    }`,
  );
}
