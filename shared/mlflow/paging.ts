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

/** What a page holds of what a search has found, and the token to go on with. */
export interface Page<V> {
  readonly made: readonly V[];
  readonly token: string | undefined;
}

/**
 * As many of what a search has found as fit into a page.
 * @param make what is sent of one of them; undefined when it is gone
 */
export async function firstMade<T, V>(
  found: readonly T[],
  { tokenAfter }: Continued,
  make: (item: T) => V | undefined | Promise<V | undefined>,
  bytesOf: (made: V) => number,
): Promise<Page<V>> {
  const made: V[] = [];
  let bytes = 0;
  let taken = 0;
  for (let isFull = false; taken < found.length && !isFull; ) {
    for (const one of await inParallel(found.slice(taken, taken + MADE_AT_ONCE), make, MADE_AT_ONCE)) {
      bytes += one === undefined ? 0 : bytesOf(one);
      isFull = bytes > MAX_PAGE_BYTES && taken > 0;
      if (isFull) break;
      taken++;
      if (one !== undefined) made.push(one);
    }
  }
  return { made, token: tokenAfter(taken - 1) };
}

/**
 * Answers with as many of what a search has found as fit into a page, and the token to go on with.
 * @param name of the list
 * @param jsonOf the JSON of one of them; undefined when it is gone
 */
export async function jsonPage<T>(
  name: string,
  found: readonly T[],
  continued: Continued,
  jsonOf: (item: T) => string | undefined | Promise<string | undefined>,
): Promise<AppResponse> {
  const { made, token } = await firstMade(found, continued, jsonOf, Buffer.byteLength);
  return okText(`{"${name}":[${made.join(",")}]${token ? `,"next_page_token":${JSON.stringify(token)}` : ""}}`);
}
