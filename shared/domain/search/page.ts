import { invalid } from "../errors.ts";
import type { Clause } from "./clauses.ts";
import type { OrderKey } from "./order.ts";
import { decodePageToken, encodePageToken, InvalidPageToken, type PagedQuery } from "./page-token.ts";
import { type FoundRow, type SearchedTable, search } from "./search.ts";
import { Steps } from "./steps.ts";

/** One page of a search as every surface asks for it. */
export interface PageRequest {
  readonly clauses: readonly Clause[];
  /** With the tie-breaks of the entity. */
  readonly orderBy: readonly OrderKey[];
  readonly limit: number;
  readonly pageToken?: string;
}

/** How a search goes on. */
export interface Continued {
  /** Goes on behind the item of that index; undefined behind the last of all. Who sends fewer items than were found sends this. */
  tokenAfter(index: number): string | undefined;
  /** Goes on behind the last item found. */
  readonly nextPageToken?: string;
}

/**
 * Searches, and turns positions into tokens and back.
 * @param scope what the token is bound to besides filter and order: workspace, experiments, view
 * @param steps what is left of them for the search
 * @throws InvalidParameter for a token that is not ours or belongs to another search, and for a search that takes too many steps
 */
export function searchPage(
  tables: readonly SearchedTable[],
  { clauses, orderBy, limit, pageToken }: PageRequest,
  scope: unknown,
  steps = new Steps(),
): Continued & { readonly rows: readonly FoundRow[] } {
  const query: PagedQuery = { scope, filter: clauses, order: orderBy };
  const after = pageToken ? positionOf(pageToken, query, orderBy) : undefined;
  const { rows, positions, after: last } = search(tables, { clauses, orderBy, limit, after }, steps);
  const tokenAfter = (index: number) => {
    const position = index < rows.length - 1 ? positions[index] : last;
    return position && encodePageToken(position, query);
  };
  return { rows, tokenAfter, nextPageToken: tokenAfter(rows.length - 1) };
}

function positionOf(token: string, query: PagedQuery, orderBy: readonly OrderKey[]) {
  try {
    return decodePageToken(token, query, orderBy);
  } catch (error) {
    throw error instanceof InvalidPageToken ? invalid(error.message) : error;
  }
}
