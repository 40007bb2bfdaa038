import type { DocumentStore, Item, Stored } from "../stores/document-store.ts";

/** Something kept in memory about all items of one scope, brought up to date with the store's `changes` before each use. */
export abstract class ScopeIndex<T extends Item> {
  /** A fair estimate of the memory it holds. */
  bytes = 0;
  private readonly store: DocumentStore;
  private readonly scope: string;
  private mark: string | undefined;
  private running: Promise<void> | undefined;
  private waiting: Promise<void> | undefined;
  private uncounted = 0;

  constructor(store: DocumentStore, scope: string) {
    this.store = store;
    this.scope = scope;
  }

  /** Items in their newest states; an unchanged item may come again. */
  protected abstract apply(items: readonly Stored<T>[]): void | Promise<void>;

  protected abstract estimateBytes(): number;

  /** After this everything is in that was acknowledged before the call. Calls that come while one is under way share the next one. */
  refresh(): Promise<void> {
    if (this.running === undefined) {
      this.running = this.readChanges().finally(() => {
        this.running = undefined;
      });
      return this.running;
    }
    this.waiting ??= this.running
      .catch(() => undefined)
      .then(() => {
        this.waiting = undefined;
        return this.refresh();
      });
    return this.waiting;
  }

  private async readChanges(): Promise<void> {
    for (let more = true; more; ) {
      const changes = await this.store.changes<T>(this.scope, this.mark);
      await this.apply(changes.items);
      this.uncounted += changes.items.length;
      this.mark = changes.mark;
      more = changes.more;
    }
    if (this.uncounted === 0 || (this.bytes > 0 && this.uncounted < COUNT_EVERY)) return;
    this.bytes = this.estimateBytes();
    this.uncounted = 0;
  }
}

/** Estimating visits every column; so it is done only after so many changed items. */
const COUNT_EVERY = 500;
