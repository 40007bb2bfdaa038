import type { ETag, Item, Stored } from "../../stores/document-store.ts";
import { checkPartition, encodeItem } from "../common/item-rules.ts";

/**
 * An item as it lies in a container. What the caller's fields are called is the caller's business, so they are kept apart from those of
 * the service and of this driver.
 */
export interface StoredDocument {
  readonly id: string;
  readonly partition: string;
  readonly scope: string;
  /** The item's `unique` behind `=`, or else its id behind `#`: the service counts missing values as equal. */
  readonly unique: string;
  /** Seconds; the service's own field. */
  readonly ttl?: number;
  /** Milliseconds since 1970, by our own clock: the service removes expired documents when it finds the time. */
  readonly expiresMs?: number;
  /** Of the call that wrote this state, so that a call whose answer was lost knows its own work. In the order of the calls. */
  readonly writeId: string;
  /** All other members of the item. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** A document as the service gives it back. */
export interface FoundDocument extends StoredDocument {
  readonly _etag: string;
  /** Seconds since 1970 of the last write, rounded down. */
  readonly _ts: number;
}

/** A document that has passed every check, independent of what the caller holds. */
interface DocumentToWrite {
  readonly document: StoredDocument;
  /** UTF-8 length of the item's JSON. */
  readonly bytes: number;
}

/** @throws InvalidArgument, TooLarge */
export function toDocument(partition: string, item: Item, writeId: string, nowMs: number): DocumentToWrite {
  checkPartition(partition);
  const { json, bytes } = encodeItem(item);
  const { id, scope, unique, ttl, ...data } = JSON.parse(json) as Item & Record<string, unknown>;
  const document = {
    id,
    partition,
    scope,
    unique: unique === undefined ? `#${id}` : `=${unique}`,
    ...(ttl === undefined ? {} : { ttl, expiresMs: nowMs + ttl * 1_000 }),
    writeId,
    data,
  };
  return { document, bytes };
}

export function toStored<T extends Item>(document: FoundDocument): Stored<T> {
  const { id, scope, unique, ttl, data } = document;
  const item = {
    id,
    scope,
    ...(unique.startsWith("=") ? { unique: unique.slice(1) } : {}),
    ...(ttl === undefined ? {} : { ttl }),
    ...data,
  };
  return { item: item as unknown as T, partition: document.partition, etag: toETag(document, document._etag) };
}

export function isExpired({ expiresMs }: Pick<StoredDocument, "expiresMs">, nowMs: number): boolean {
  return expiresMs !== undefined && expiresMs <= nowMs;
}

/** Our ETag of a document: the service's, and behind it when the state ends, if it does. */
export function toETag({ expiresMs }: Pick<StoredDocument, "expiresMs">, serviceETag: string): ETag {
  return expiresMs === undefined ? serviceETag : `${serviceETag}~${expiresMs}`;
}

/** An ETag that no document ever has. */
export const SUPERSEDED = "superseded";

const EXPIRING = /^(.*)~(\d{1,16})$/s;
/** What may stand in a header, but for `*`, which would match any state. */
const PRINTABLE = /^(?!\*$)[\x20-\x7e]+$/;

/** The service's ETag in one of ours; undefined when no document can have it (any more). */
export function toServiceETag(etag: ETag, nowMs: number): string | undefined {
  const [, serviceETag = etag, expiresMs] = EXPIRING.exec(etag) ?? [];
  if (expiresMs !== undefined && isExpired({ expiresMs: Number(expiresMs) }, nowMs)) return undefined;
  return PRINTABLE.test(serviceETag) ? serviceETag : undefined;
}
