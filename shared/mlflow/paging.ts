import { invalid } from "../domain/errors.ts";
import type { Continued } from "../domain/search/page.ts";
import type { AppResponse } from "../http/types.ts";
import { inParallel } from "../parallel.ts";
import { enumeration } from "./message.ts";
import { okText } from "./route.ts";

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

/** A page ends before its JSON has more bytes than that, however many results were asked for; it has one at least. */
const MAX_PAGE_BYTES = 8 * 1024 * 1024;
/** So many results are made side by side, and no more of them in vain. */
const MADE_AT_ONCE = 8;

/** As many of some texts as fit into a page; one at least, if there is one. */
export function firstOfPage(texts: readonly string[]): readonly string[] {
  let bytes = 0;
  const end = texts.findIndex((text, i) => {
    bytes += Buffer.byteLength(text);
    return bytes > MAX_PAGE_BYTES && i > 0;
  });
  return end < 0 ? texts : texts.slice(0, end);
}

/**
 * Answers with as many of what a search has found as fit into a page, and the token to go on with.
 * @param name of the list
 * @param jsonOf the JSON of one of them; empty when it is gone
 */
export async function jsonPage<T>(
  name: string,
  found: readonly T[],
  { tokenAfter }: Continued,
  jsonOf: (item: T) => string | Promise<string>,
): Promise<AppResponse> {
  const texts: string[] = [];
  let bytes = 0;
  let taken = 0;
  for (let isFull = false; taken < found.length && !isFull; ) {
    for (const text of await inParallel(found.slice(taken, taken + MADE_AT_ONCE), jsonOf, MADE_AT_ONCE)) {
      bytes += Buffer.byteLength(text);
      isFull = bytes > MAX_PAGE_BYTES && taken > 0;
      if (isFull) break;
      taken++;
      if (text !== "") texts.push(text);
    }
  }
  const token = tokenAfter(taken - 1);
  return okText(`{"${name}":[${texts.join(",")}]${token ? `,"next_page_token":${JSON.stringify(token)}` : ""}}`);
}
