import { Steps } from "../../shared/domain/search/steps.ts";
import { JsonShape } from "../../shared/http/json-shape.ts";
import type { Documents, Stores } from "../../shared/stores/stores.ts";

/*
 * Work is counted in looks at a character, a cell or a row, never timed: what is parsed and written as JSON, what bodies are judged by, what searches count
 * themselves, and what stores are asked.
 */

/** So many looks is an answer of a store worth. */
const STORE_ANSWER = 1000;

export class WorkMeter {
  total = 0;
  private most = 0;
  private before = 0;
  private isWatching = false;
  private readonly undo: (() => void)[] = [];

  constructor() {
    this.count(JSON, "parse", (text: string) => text.length);
    const { stringify } = JSON;
    this.replace(JSON, "stringify", (...args: Parameters<typeof stringify>) => {
      const text = stringify(...args) as string | undefined;
      this.total += text?.length ?? 0;
      return text;
    });
    // What there are no steps for is refused before it is done.
    this.count(Steps.prototype, "take", (steps: number) => steps);
    this.count(JsonShape.prototype, "faultIn", (chunks: readonly Uint8Array[]) =>
      chunks.reduce((sum, { length }) => sum + length, 0),
    );
  }

  /** The same stores, whose answers count. */
  over(stores: Stores): Stores {
    const counted = <T extends object>(store: T): T =>
      new Proxy(store, {
        get: (target, name) => {
          const member = Reflect.get(target, name);
          if (typeof member !== "function") return member;
          return (...args: unknown[]) => {
            this.total += STORE_ANSWER;
            return member.apply(target, args);
          };
        },
      });
    const { runs, catalog, events } = stores.documents;
    const documents: Documents = { runs: counted(runs), catalog: counted(catalog), events: counted(events) };
    return { ...stores, documents, blobs: counted(stores.blobs), queue: counted(stores.queue) };
  }

  /** The most work between two turns of the event loop while `act` runs. */
  async mostBetweenTurns(act: () => Promise<unknown>): Promise<number> {
    await new Promise((resolve) => setImmediate(resolve));
    [this.most, this.before, this.isWatching] = [0, this.total, true];
    const look = () => {
      this.most = Math.max(this.most, this.total - this.before);
      this.before = this.total;
      if (this.isWatching) setImmediate(look);
    };
    setImmediate(look);
    try {
      await act();
    } finally {
      this.isWatching = false;
      look();
    }
    return this.most;
  }

  restore(): void {
    for (const undo of this.undo.splice(0)) undo();
  }

  // biome-ignore lint/suspicious/noExplicitAny: any method of any object is counted.
  private count(owner: any, name: string, worth: (...args: any[]) => number): void {
    const original = owner[name];
    const meter = this;
    this.replace(owner, name, function (this: unknown, ...args: unknown[]) {
      const result = original.apply(this, args);
      meter.total += worth(...args);
      return result;
    });
  }

  // biome-ignore lint/suspicious/noExplicitAny: see above.
  private replace(owner: any, name: string, by: (...args: any[]) => unknown): void {
    const original = owner[name];
    owner[name] = by;
    this.undo.push(() => {
      owner[name] = original;
    });
  }
}
