import type { Clock } from "../stores/clock.ts";
import type { Changes, DocumentStore, Item, Stored } from "../stores/document-store.ts";
import { InvalidArgument } from "../stores/errors.ts";
import { SharedWork } from "./shared-work.ts";

/** How long a tombstone says that something is gone: an index that was not brought up to date for longer would never hear of it. */
export const TOMBSTONE_SECONDS = 30 * 24 * 3600;
const TRUSTED_FOR_MS = (TOMBSTONE_SECONDS * 1000) / 2;

/** Something kept in memory about all items of one scope, brought up to date with the store's `changes` before each use. */
export abstract class ScopeIndex<T extends Item> {
  /** A fair estimate of the memory it holds. */
  bytes = 0;
  private readonly store: DocumentStore;
  private readonly scope: string;
  private readonly clock: Clock;
  private readMs: number | undefined;
  private currentMark: string | undefined;
  private restoredMark: string | undefined;
  private isStarted = false;
  private readonly refreshing = new SharedWork(() => this.readChanges());
  private uncounted = 0;

  constructor(store: DocumentStore, scope: string, clock: Clock) {
    this.store = store;
    this.scope = scope;
    this.clock = clock;
  }

  /** Items in their newest states; an unchanged item may come again. */
  protected abstract apply(items: readonly Stored<T>[]): void | Promise<void>;

  protected abstract estimateBytes(): number;

  /** Begins with what was saved earlier. @returns the mark behind the last item that is in; undefined when nothing was saved */
  protected restore(): Promise<string | undefined> {
    return Promise.resolve(undefined);
  }

  /** Takes back what `restore` did. */
  protected clear(): void {}

  /** Everything before it is in. */
  protected get mark(): string | undefined {
    return this.currentMark;
  }

  /** Whether it may have missed that something is gone: one begun anew takes its place. */
  get isOutdated(): boolean {
    return this.readMs !== undefined && Math.abs(this.clock.now() - this.readMs) > TRUSTED_FOR_MS;
  }

  /** After this everything is in that was acknowledged before the call. */
  refresh(): Promise<void> {
    return this.refreshing.do();
  }

  private async readChanges(): Promise<void> {
    if (!this.isStarted) await this.start();
    const readMs = this.clock.now();
    for (let more = true; more; ) {
      const changes = await this.nextChanges();
      await this.apply(changes.items as readonly Stored<T>[]);
      this.uncounted += changes.items.length;
      this.currentMark = changes.mark;
      more = changes.more;
    }
    this.readMs = readMs;
    if (this.uncounted === 0 || (this.bytes > 0 && this.uncounted < COUNT_EVERY)) return;
    this.bytes = this.estimateBytes();
    this.uncounted = 0;
  }

  private async start(): Promise<void> {
    this.restoredMark = await this.restore();
    this.currentMark = this.restoredMark;
    this.isStarted = true;
    if (this.restoredMark !== undefined) this.bytes = this.estimateBytes();
  }

  /** A restored mark that this store does not know came with something that was saved about another one. */
  private async nextChanges(): Promise<Changes<Item>> {
    try {
      return await this.store.changes(this.scope, this.currentMark);
    } catch (error) {
      const isForeign = this.restoredMark !== undefined && this.currentMark === this.restoredMark;
      if (!isForeign || !(error instanceof InvalidArgument)) throw error;
      this.clear();
      this.currentMark = undefined;
      return this.store.changes(this.scope);
    }
  }
}

/** Estimating visits every column; so it is done only after so many changed items. */
const COUNT_EVERY = 500;
