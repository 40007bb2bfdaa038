import type { DocumentStore, Item, Stored } from "../stores/document-store.ts";

/** Something kept in memory about all items of one scope, brought up to date with the store's `changes` before each use. */
export abstract class ScopeIndex<T extends Item> {
  private readonly store: DocumentStore;
  private readonly scope: string;
  private mark: string | undefined;
  private running: Promise<void> | undefined;
  private waiting: Promise<void> | undefined;

  constructor(store: DocumentStore, scope: string) {
    this.store = store;
    this.scope = scope;
  }

  /** A fair estimate of the memory it holds, in bytes. */
  abstract get bytes(): number;

  /** Items in their newest states; an unchanged item may come again. */
  protected abstract apply(items: readonly Stored<T>[]): void;

  /** Called when all changes are applied. */
  protected async settle(): Promise<void> {}

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
    for (;;) {
      const { items, mark, more } = await this.store.changes<T>(this.scope, this.mark);
      this.apply(items);
      this.mark = mark;
      if (!more) break;
    }
    await this.settle();
  }
}
