import { tokenHash } from "../hash.ts";
import type { OrderKey, SortPosition, SortValue } from "./order.ts";

/** What a page token belongs to; a token of another query is refused. Values must survive JSON. */
export interface PagedQuery {
  readonly scope: unknown;
  readonly filter: unknown;
  readonly order: unknown;
}

/** The token is not one of ours, or belongs to another query. The message may be shown. */
export class InvalidPageToken extends Error {
  constructor(message: string) {
    super(message);
    this.name = "InvalidPageToken";
  }
}

const MAX_TOKEN_LENGTH = 1024 * 1024;
const NOT_A_TOKEN = "Invalid page token: it was not issued by this service.";
const NOT_A_NUMBER = "NaN";

/** Writes a position as text that is safe in a URL. NaN is written as text, since JSON has no number for it. */
export function encodePageToken(position: SortPosition, query: PagedQuery): string {
  const values = position.values.map((value) => (Number.isNaN(value) ? NOT_A_NUMBER : value));
  return Buffer.from(JSON.stringify([hashOf(query), values, position.id])).toString("base64url");
}

/**
 * Reads a position back.
 * @param orderBy the query's order keys, which say what the position must hold
 * @throws InvalidPageToken
 */
export function decodePageToken(token: string, query: PagedQuery, orderBy: readonly OrderKey[]): SortPosition {
  const parts = parse(token);
  if (!Array.isArray(parts) || parts.length !== 3) throw new InvalidPageToken(NOT_A_TOKEN);
  const [hash, values, id] = parts as unknown[];
  if (typeof hash !== "string" || typeof id !== "string" || !Array.isArray(values))
    throw new InvalidPageToken(NOT_A_TOKEN);
  if (hash !== hashOf(query)) {
    throw new InvalidPageToken("Invalid page token: it belongs to another search (scope, filter or order differ).");
  }
  if (values.length !== orderBy.length) throw new InvalidPageToken(NOT_A_TOKEN);
  return { values: orderBy.map((key, index) => sortValue(values[index], key)), id };
}

function parse(token: string): unknown {
  if (token.length > MAX_TOKEN_LENGTH || !/^[A-Za-z0-9_-]+$/.test(token)) throw new InvalidPageToken(NOT_A_TOKEN);
  try {
    return JSON.parse(Buffer.from(token, "base64url").toString());
  } catch {
    throw new InvalidPageToken(NOT_A_TOKEN);
  }
}

function sortValue(value: unknown, key: OrderKey): SortValue {
  if (value === null) return null;
  if (key.kind === "string" && typeof value === "string") return value;
  if (key.kind !== "string" && value === NOT_A_NUMBER) return Number.NaN;
  if (key.kind !== "string" && typeof value === "number") return value;
  throw new InvalidPageToken(NOT_A_TOKEN);
}

function hashOf(query: PagedQuery): string {
  return tokenHash([query.scope, query.filter, query.order]);
}
