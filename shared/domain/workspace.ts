import { LRUCache } from "lru-cache";
import type { BlobStore } from "../stores/blob-store.ts";
import type { Clock, Ids } from "../stores/clock.ts";
import type { DocumentStore, Item, Stored } from "../stores/document-store.ts";
import type { SecretStore } from "../stores/secret-store.ts";
import type { WorkQueue } from "../stores/work-queue.ts";
import { RecentReads } from "./access/recent-reads.ts";
import type { Segment } from "./metrics/segment.ts";
import { OnceInAWhile } from "./once-in-a-while.ts";
import type { ScopeIndex } from "./scope-index.ts";
import { SharedWork } from "./shared-work.ts";

/** The containers of documents: what is in which, DESIGN "Where data lives". */
export interface Documents {
  /** Partition: workspace id and run or logged model id. */
  readonly runs: DocumentStore;
  /** Partition: workspace id; and one partition of all workspaces. */
  readonly catalog: DocumentStore;
  /** Partition: workspace id and day. */
  readonly events: DocumentStore;
}

/** The containers of blobs; in each, a workspace's lie under its id. A deployment makes them, and they go with the workspace. */
export const BLOB_CONTAINERS = ["artifacts", "values", "metrics", "search"] as const;

export interface Stores {
  readonly documents: Documents;
  readonly blobs: BlobStore;
  readonly queue: WorkQueue;
  /** Undefined: the deployment has none. */
  readonly secrets: SecretStore | undefined;
}

/** Everything a rule needs besides its arguments: one workspace, its stores, the clock. Its id is the first part of every partition. */
export interface Workspace {
  readonly id: string;
  readonly name: string;
  readonly stores: Stores;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly memory: Memory;
}

/** What this process remembers to save reading again. Losing it loses nothing; every entry is checked against the store when used. */
export class Memory {
  private readonly documents = new LRUCache<string, Stored>({
    maxSize: 32 * 1024 * 1024,
    sizeCalculation: (stored) => roughSize(stored.item),
  });

  private readonly indexes = new LRUCache<string, ScopeIndex<Item>>({
    maxSize: 256 * 1024 * 1024,
    sizeCalculation: (index) => 1 + Math.ceil(index.bytes),
  });

  /** For authorization alone: what it read in the last 30 s. */
  readonly recent = new RecentReads();

  private readonly reading = new Map<string, SharedWork<unknown>>();

  /** What this process has asked of a queue lately. */
  readonly asked = new OnceInAWhile();

  private readonly segments = new LRUCache<string, Segment>({ maxSize: 16 * 1024 * 1024 });

  /** A segment never changes, so what was read once is right as long as its run is there. */
  async segment(blob: string, bytes: number, open: () => Promise<Segment>): Promise<Segment> {
    const known = this.segments.get(blob);
    if (known) return known;
    const segment = await open();
    this.segments.set(blob, segment, { size: 1 + bytes * 4 });
    return segment;
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
    const index = (this.indexes.get(key) as unknown as I | undefined) ?? create();
    this.indexes.set(key, index as unknown as ScopeIndex<Item>);
    await index.refresh();
    // The cache weighs a value only when it is new to it.
    this.indexes.delete(key);
    this.indexes.set(key, index as unknown as ScopeIndex<Item>);
    return index;
  }

  /** A document as it was when it was last read: good enough to guess with, never to answer with. */
  recall<T extends Item>(partition: string, id: string, kind: "runs" | "catalog"): T | undefined {
    return this.documents.peek(`${kind}/${partition}/${id}`)?.item as T | undefined;
  }

  /** Reads a document whose last read copy may still be current. */
  async get<T extends Item>(
    store: DocumentStore,
    partition: string,
    id: string,
    kind: "runs" | "catalog",
  ): Promise<Stored<T> | undefined> {
    const key = `${kind}/${partition}/${id}`;
    const known = this.documents.get(key) as Stored<T> | undefined;
    const current = await store.get<T>(partition, id, known);
    if (current === undefined) this.documents.delete(key);
    else if (current !== known) this.documents.set(key, current);
    return current;
  }
}

export function runsPartition(workspace: Workspace, id: string): string {
  return `${workspace.id}/${id}`;
}

/** Bytes in memory, roughly: strings and numbers in nested arrays and objects. */
function roughSize(value: unknown): number {
  if (typeof value === "string") return value.length + 24;
  if (typeof value !== "object" || value === null) return 8;
  let size = 56;
  for (const member of Object.values(value)) size += roughSize(member);
  return size;
}
