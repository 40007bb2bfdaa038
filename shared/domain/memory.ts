import { LRUCache } from "lru-cache";
import type { DocumentStore, Item, Stored } from "../stores/document-store.ts";
import { RecentReads } from "./access/recent-reads.ts";
import { OnceInAWhile } from "./once-in-a-while.ts";
import type { ScopeIndex } from "./scope-index.ts";
import { SharedWork } from "./shared-work.ts";

const MB = 1024 * 1024;
/** What searches read may outgrow the budget by so much, all tables together: one that is thrown away is built again from all its documents. */
const TABLES_TIMES = 4;
/** What is left of the budget for everything else, however large the tables are. */
const REST_AT_LEAST = 1 / 4;

interface Kept {
  readonly value: unknown;
  readonly bytes: number;
}

/**
 * What this process remembers to save reading again, all of it under one budget. Losing it loses nothing; every entry is checked against the store
 * when it is used, or never changes.
 */
export class Memory {
  /** For authorization alone: what it read in the last 30 s. */
  readonly recent = new RecentReads();
  /** What this process has asked of a queue lately. */
  readonly asked = new OnceInAWhile();
  private readonly budget: number;
  private readonly kept: LRUCache<string, Kept>;
  /** In order of their last use, each with what it held then. */
  private readonly indexes = new Map<string, { readonly index: ScopeIndex<Item>; readonly bytes: number }>();
  private indexBytes = 0;
  private readonly reading = new Map<string, SharedWork<unknown>>();

  /** @param budget bytes for documents, segments, texts and the tables that searches read together, as far as can be estimated */
  constructor(budget = 64 * MB) {
    this.budget = budget;
    this.kept = new LRUCache({ maxSize: budget, sizeCalculation: ({ bytes }) => Math.max(1, Math.ceil(bytes)) });
  }

  /** Bytes that it holds, roughly. */
  get bytes(): number {
    return this.kept.calculatedSize + this.indexBytes;
  }

  /** What was kept under that key; undefined: nothing, or it had to make room. */
  recallValue<T>(key: string): T | undefined {
    return this.kept.get(key)?.value as T | undefined;
  }

  /** Keeps a value as long as there is room. `bytes`: a fair estimate of what it holds. */
  keep(key: string, value: unknown, bytes: number): void {
    this.kept.set(key, { value, bytes });
    this.makeRoom();
  }

  /**
   * Reading that many may ask for at once, as they do of a run that is watched.
   * @param work reads what `key` names; where it is asked for already, that caller's serves
   */
  share<T>(key: string, work: () => Promise<T>): Promise<T> {
    const shared = (this.reading.get(key) as SharedWork<T> | undefined) ?? new SharedWork(work);
    this.reading.set(key, shared);
    return shared.do().finally(() => {
      if (shared.isIdle) this.reading.delete(key);
    });
  }

  /** The index of that key, with everything in that was acknowledged before the call. */
  async index<I extends ScopeIndex<never>>(key: string, create: () => I): Promise<I> {
    const known = this.indexes.get(key)?.index as unknown as I | undefined;
    const index = known && !known.isOutdated ? known : create();
    this.useIndex(key, index);
    await index.refresh();
    this.useIndex(key, index);
    this.makeRoom();
    return index;
  }

  private useIndex(key: string, used: ScopeIndex<never>): void {
    const index = used as unknown as ScopeIndex<Item>;
    this.dropIndex(key);
    this.indexes.set(key, { index, bytes: index.bytes });
    this.indexBytes += index.bytes;
  }

  private dropIndex(key: string): void {
    this.indexBytes -= this.indexes.get(key)?.bytes ?? 0;
    this.indexes.delete(key);
  }

  /** A document as it was when it was last read: good enough to guess with, never to answer with. */
  recall<T extends Item>(partition: string, id: string, kind: "runs" | "catalog"): T | undefined {
    return (this.kept.peek(documentKey(partition, id, kind))?.value as Stored<T> | undefined)?.item;
  }

  /** Reads a document whose last read copy may still be current. */
  async get<T extends Item>(
    store: DocumentStore,
    partition: string,
    id: string,
    kind: "runs" | "catalog",
  ): Promise<Stored<T> | undefined> {
    const key = documentKey(partition, id, kind);
    const known = this.recallValue<Stored<T>>(key);
    const current = await store.get<T>(partition, id, known);
    if (current === undefined) this.kept.delete(key);
    else if (current !== known) this.keep(key, current, roughSize(current.item));
    return current;
  }

  /** Tables that were not used for longest go when all together are too large, but never the last one; other things give way to tables. */
  private makeRoom(): void {
    for (const key of this.indexes.keys()) {
      if (this.indexBytes <= this.budget * TABLES_TIMES || this.indexes.size === 1) break;
      this.dropIndex(key);
    }
    const rest = Math.max(this.budget * REST_AT_LEAST, this.budget - this.indexBytes);
    while (this.kept.calculatedSize > rest) this.kept.pop();
  }
}

function documentKey(partition: string, id: string, kind: "runs" | "catalog"): string {
  return `${kind}/${partition}/${id}`;
}

/** Bytes in memory, roughly: strings and numbers in nested arrays and objects. */
function roughSize(value: unknown): number {
  if (typeof value === "string") return value.length + 24;
  if (typeof value !== "object" || value === null) return 8;
  let size = 56;
  for (const member of Object.values(value)) size += roughSize(member);
  return size;
}
