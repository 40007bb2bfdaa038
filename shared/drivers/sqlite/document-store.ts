import type { Clock } from "../../stores/clock.ts";
import type {
  BatchOperation,
  Changes,
  DocumentStore,
  ETag,
  IdRange,
  Item,
  Stored,
} from "../../stores/document-store.ts";
import { AlreadyExists, InvalidArgument, PreconditionFailed, StoreLocked } from "../../stores/errors.ts";
import { afterTurn, turn } from "../../turns.ts";
import {
  checkBatchBytes,
  checkBatchCount,
  checkBatchIds,
  checkEnsurable,
  checkId,
  checkPartition,
  encodeItem,
} from "../common/item-rules.ts";
import type { Database } from "./database.ts";
import { type DocumentStatements, documentStatements, type ItemRow } from "./document-statements.ts";
import type { DocumentTable } from "./schema.ts";
import { isDuplicate } from "./sqlite-errors.ts";

const DEFAULT_PAGE_SIZE = 1_000;
/** A page ends before it holds more JSON text than this (but has one item at least). */
const MAX_PAGE_LENGTH = 1024 * 1024;
const WRITES_PER_SWEEP = 1_000;
const ITEMS_PER_SWEEP = 2_000;
/** Above every id, which are of ASCII characters. */
const BEHIND_ALL_IDS = "\u{10ffff}";
const MARK = /^\d{1,15}$/;
const MAX_REMEMBERED = 10_000;

/** An item that has passed every check and is independent of what the caller holds. */
interface ItemToWrite {
  readonly partition: string;
  readonly id: string;
  readonly scope: string;
  readonly unique: string | null;
  readonly ttl: number | undefined;
  readonly json: string;
  readonly bytes: number;
}

type PreparedOperation =
  | { readonly kind: "create"; readonly item: ItemToWrite }
  | { readonly kind: "replace"; readonly item: ItemToWrite; readonly etag: ETag }
  | { readonly kind: "remove"; readonly id: string; readonly etag: ETag | undefined };

/**
 * Documents in a table of the embedded database, to which nobody else writes. Each method does its work before its first await, and then lets
 * others have their turn: but for what is known and appending points, which take next to nothing.
 */
export class SqliteDocumentStore implements DocumentStore {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #sql: DocumentStatements;
  /** ETags of documents that were read, do not expire, and were not written since: whoever knows one of these need not read again. */
  readonly #current = new Map<string, ETag>();
  #writes = 0;

  constructor(database: Database, table: DocumentTable, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#sql = documentStatements(database, table);
    database.onRestored(() => this.#current.clear());
  }

  async get<T extends Item>(partition: string, id: string, known?: Stored<T>): Promise<Stored<T> | undefined> {
    const key = keyOf(partition, id);
    const current = this.#current.get(key);
    if (current !== undefined && current === known?.etag) return known;
    const row = this.#sql.get.get(partition, id, this.#clock.now());
    const found = row && (etagOf(row.seq) === known?.etag ? known : stored<T>(row));
    if (found !== undefined && found.item.ttl === undefined) this.#remember(key, found.etag);
    return afterTurn(found);
  }

  async create(partition: string, item: Item): Promise<ETag> {
    const toWrite = prepareItem(partition, item);
    return this.#write(() => this.#database.write(() => this.#insert(toWrite)));
  }

  async ensure(partition: string, item: Item): Promise<void> {
    checkEnsurable(item);
    const { id, scope, json } = prepareItem(partition, item);
    try {
      this.#wrote(this.#sql.ensure(partition, id, scope, json));
    } catch (error) {
      if (!(error instanceof StoreLocked)) throw error;
      await this.#write(() => this.#sql.ensure(partition, id, scope, json));
    }
  }

  async replace(partition: string, item: Item, etag: ETag): Promise<ETag> {
    const toWrite = prepareItem(partition, item);
    return this.#write(() => this.#database.transaction(() => this.#replace(toWrite, etag)));
  }

  async remove(partition: string, id: string, etag?: ETag): Promise<boolean> {
    return this.#write(() =>
      this.#database.write(() => {
        if (etag === undefined) return this.#removeAny(partition, id);
        this.#removeCurrent(partition, id, etag);
        return true;
      }),
    );
  }

  async batch(partition: string, operations: readonly BatchOperation[]): Promise<(ETag | undefined)[]> {
    const prepared = prepareBatch(partition, operations);
    const apply = () => prepared.map((operation) => this.#apply(partition, operation));
    return this.#write(() => this.#database.transaction(apply));
  }

  list<T extends Item>(partition: string, range: IdRange = {}, pageSize = DEFAULT_PAGE_SIZE) {
    return this.#pages<T>(partition, range.from ?? "", range.to ?? BEHIND_ALL_IDS, pageSize);
  }

  async changes<T extends Item>(scope: string, mark = "0", limit = DEFAULT_PAGE_SIZE): Promise<Changes<T>> {
    if (!MARK.test(mark))
      throw new InvalidArgument(`mark: ${JSON.stringify(mark.slice(0, 80))} is none that changes() gave.`);
    const { rows, more } = takePage(this.#sql.changes.iterate(scope, Number(mark), this.#clock.now()), limit);
    return afterTurn({ items: rows.map((row) => stored<T>(row)), mark: String(rows.at(-1)?.seq ?? mark), more });
  }

  /** Removes expired items from the table, at most a few thousand. Nobody has seen them since they expired. */
  sweep(): void {
    this.#database.write(() => this.#sql.sweep.run(this.#clock.now(), ITEMS_PER_SWEEP));
  }

  #write<T>(work: () => T) {
    return afterTurn(this.#database.patiently(() => this.#wrote(work())));
  }

  /** What was written just now must not fail of it. */
  #sweepInPassing(): void {
    try {
      this.sweep();
    } catch {
      // The disk is full, or held by another program: a later sweep does it.
    }
  }

  async *#pages<T extends Item>(partition: string, from: string, to: string, pageSize: number) {
    let next = from;
    for (let more = true; more; ) {
      const page = takePage(this.#sql.list.iterate(partition, next, to, this.#clock.now()), pageSize);
      await turn();
      if (page.rows.length > 0) yield page.rows.map((row) => stored<T>(row));
      // Nothing lies between a text and the same text followed by NUL.
      next = `${page.rows.at(-1)?.id}\0`;
      more = page.more;
    }
  }

  #apply(partition: string, operation: PreparedOperation): ETag | undefined {
    switch (operation.kind) {
      case "create":
        return this.#insert(operation.item);
      case "replace":
        return this.#replace(operation.item, operation.etag);
      case "remove":
        this.#removeInBatch(partition, operation.id, operation.etag);
        return undefined;
    }
  }

  #insert(item: ItemToWrite): ETag {
    try {
      return this.#insertRow(item);
    } catch (error) {
      if (!isDuplicate(error)) throw error;
      const expired = this.#sql.removeExpired.run(item.partition, item.id, item.unique, this.#clock.now()).changes > 0;
      if (!expired)
        throw new AlreadyExists(`An item with the id ${item.id} or its unique value exists.`, { cause: error });
    }
    return this.#insert(item);
  }

  #insertRow(item: ItemToWrite): ETag {
    const expiresMs = item.ttl === undefined ? null : this.#clock.now() + item.ttl * 1_000;
    const row = this.#sql.insert.run(item.partition, item.id, item.scope, item.unique, expiresMs, item.json);
    return etagOf(row.lastInsertRowid);
  }

  #replace(item: ItemToWrite, etag: ETag): ETag {
    this.#removeCurrent(item.partition, item.id, etag);
    return this.#insert(item);
  }

  #removeCurrent(partition: string, id: string, etag: ETag): void {
    this.#current.delete(keyOf(partition, id));
    const removed = this.#sql.removeCurrent.run(partition, id, sequenceOf(etag), this.#clock.now()).changes;
    if (removed === 0) throw new PreconditionFailed(`The item ${id} has changed or is gone.`);
  }

  #removeAny(partition: string, id: string): boolean {
    this.#current.delete(keyOf(partition, id));
    return this.#sql.remove.run(partition, id, this.#clock.now()).changes > 0;
  }

  #removeInBatch(partition: string, id: string, etag: ETag | undefined): void {
    if (etag !== undefined) this.#removeCurrent(partition, id, etag);
    else if (!this.#removeAny(partition, id)) throw new PreconditionFailed(`The item ${id} is not there.`);
  }

  #remember(key: string, etag: ETag): void {
    if (this.#current.size >= MAX_REMEMBERED) this.#current.clear();
    this.#current.set(key, etag);
  }

  #wrote<T>(result: T): T {
    this.#writes++;
    if (this.#writes % WRITES_PER_SWEEP === 0) this.#sweepInPassing();
    return result;
  }
}

function prepareItem(partition: string, item: Item): ItemToWrite {
  checkPartition(partition);
  const { json, bytes } = encodeItem(item);
  return { partition, id: item.id, scope: item.scope, unique: item.unique ?? null, ttl: item.ttl, json, bytes };
}

function prepareBatch(partition: string, operations: readonly BatchOperation[]): PreparedOperation[] {
  checkBatchCount(operations.length);
  const prepared = operations.map((operation) => prepareOperation(partition, operation));
  checkBatchBytes(prepared.reduce((sum, it) => sum + (it.kind === "remove" ? 0 : it.item.bytes), 0));
  checkBatchIds(prepared.map((it) => (it.kind === "remove" ? it.id : it.item.id)));
  return prepared;
}

function prepareOperation(partition: string, operation: BatchOperation): PreparedOperation {
  switch (operation.kind) {
    case "create":
      return { kind: "create", item: prepareItem(partition, operation.item) };
    case "replace":
      return { kind: "replace", item: prepareItem(partition, operation.item), etag: operation.etag };
    case "remove":
      checkId(operation.id);
      return { kind: "remove", id: operation.id, etag: operation.etag };
  }
}

/** As many rows as a page holds, and whether the source has another one. */
function takePage(source: Iterable<ItemRow>, pageSize: number): { rows: ItemRow[]; more: boolean } {
  const rows: ItemRow[] = [];
  let length = 0;
  for (const row of source) {
    length += row.body.length;
    if (rows.length >= Math.max(1, pageSize) || (rows.length > 0 && length > MAX_PAGE_LENGTH))
      return { rows, more: true };
    rows.push(row);
  }
  return { rows, more: false };
}

function stored<T extends Item>(row: ItemRow): Stored<T> {
  return { item: JSON.parse(row.body) as T, partition: row.partition, etag: etagOf(row.seq) };
}

/** No id has a slash. */
function keyOf(partition: string, id: string): string {
  return `${partition}/${id}`;
}

function etagOf(sequence: number): ETag {
  return String(sequence);
}

/** -1, which no row has, for a text that is no ETag of ours. */
function sequenceOf(etag: ETag): number {
  return MARK.test(etag) ? Number(etag) : -1;
}
