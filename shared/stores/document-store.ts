/** Identifies one state of an item; opaque, changes with every write. */
export type ETag = string;

/**
 * A JSON document. Four fields mean something to the store, all others are the caller's.
 * Numbers must be finite and, when whole, within ±(2^53-1); -0 reads back as 0; `undefined` members are dropped.
 */
export interface Item {
  /** Unique within the partition. `[A-Za-z0-9_-]`, 1-255 characters; chosen by us, never by a user. */
  readonly id: string;
  /** What is searched together (`changes`), for instance the runs of one experiment. Any text up to 255 characters. */
  readonly scope: string;
  /** When given, unique within the partition too. Any text up to 255 characters. */
  readonly unique?: string;
  /** Seconds after its last write when the item stops existing; absent: never. */
  readonly ttl?: number;
}

export interface Stored<T extends Item = Item> {
  /** A value of its own, except that `get` may hand back `known`. Treat as read-only. */
  readonly item: T;
  readonly partition: string;
  readonly etag: ETag;
}

export type BatchOperation =
  | { readonly kind: "create"; readonly item: Item }
  | { readonly kind: "replace"; readonly item: Item; readonly etag: ETag }
  | { readonly kind: "remove"; readonly id: string; readonly etag?: ETag };

/** Ids `from` (inclusive) to `to` (exclusive); either may be absent. */
export interface IdRange {
  readonly from?: string;
  readonly to?: string;
}

export interface Changes<T extends Item> {
  readonly items: readonly Stored<T>[];
  /** Where to go on. Valid for good, also in another process. */
  readonly mark: string;
  /** Whether more is known to lie behind `mark` already. */
  readonly more: boolean;
}

export const MAX_ITEM_BYTES = 2 * 1024 * 1024;
export const MAX_BATCH_OPERATIONS = 100;
export const MAX_BATCH_BYTES = 2 * 1024 * 1024;

/**
 * Documents in partitions, in Cosmos DB's terms. One instance is one container.
 *
 * Laws that hold for every method:
 * - What was acknowledged is seen by every later read of every instance, and survives the death of the process.
 * - Arguments are copied before the first await: changing them afterwards changes nothing.
 * - Expired items (ttl) do not exist: they are not found, not listed, and free their id and `unique`.
 * - Errors are those of errors.ts; anything else (an outage) is thrown as it came, never read as absence.
 * - An item over 2 MB of UTF-8 JSON raises TooLarge; an item that breaks the rules on `Item` raises InvalidArgument.
 */
export interface DocumentStore {
  /**
   * Undefined when absent. `known` is a state that the caller has already: while it is current it is handed back
   * itself, which saves reading and parsing it.
   */
  get<T extends Item>(partition: string, id: string, known?: Stored<T>): Promise<Stored<T> | undefined>;

  /** Raises AlreadyExists when `id` or `unique` is taken in this partition; of many racers exactly one wins. */
  create(partition: string, item: Item): Promise<ETag>;

  /**
   * Creates an item unless its id is taken: then the item that is there stays, and the call succeeds. For ids that are
   * made from the content, so that whatever has the id has that content. As nothing that is stored can make it fail, a
   * driver may acknowledge it before it has looked. Hence the item has neither `unique` nor `ttl` (InvalidArgument),
   * and its id must be one that no item with a `ttl` ever has.
   */
  ensure(partition: string, item: Item): Promise<void>;

  /**
   * Raises PreconditionFailed unless `etag` is current (also when the item is gone); AlreadyExists when `unique` is
   * taken by another.
   */
  replace(partition: string, item: Item, etag: ETag): Promise<ETag>;

  /** False when it was not there. With `etag`: raises PreconditionFailed unless current (gone included). */
  remove(partition: string, id: string, etag?: ETag): Promise<boolean>;

  /**
   * All or nothing, in order. Returns the new ETag of each operation (undefined for removals).
   * Raises what the failing operation would have raised (a removal without `etag` of something absent:
   * PreconditionFailed); TooLarge beyond 100 operations or 2 MB; InvalidArgument when empty or when an id occurs twice.
   */
  batch(partition: string, operations: readonly BatchOperation[]): Promise<(ETag | undefined)[]>;

  /**
   * Items of one partition in ascending order of id (bytes), in pages of at most `pageSize` (default 1,000). A page may
   * be short, never empty. Items written or removed while iterating may or may not be seen; all others are seen exactly
   * once, also when the item that a page stopped at is removed.
   */
  list<T extends Item>(partition: string, range?: IdRange, pageSize?: number): AsyncIterable<readonly Stored<T>[]>;

  /**
   * Items of `scope`, of all partitions, written since `mark` (from the beginning when absent), oldest write first, at
   * most about `limit` (default 1,000) at a time. An item appears in its newest state; it may appear again without
   * having changed (compare ETags); no write acknowledged before the call is missed. Removals leave no trace.
   */
  changes<T extends Item>(scope: string, mark?: string, limit?: number): Promise<Changes<T>>;
}
