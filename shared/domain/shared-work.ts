/**
 * Work whose result serves all who ask for it at once, like reading something that many look at. What it gives holds everything that was acknowledged
 * before the call: callers who come while it is under way share the next one, since the one under way may have passed what they need to see.
 */
export class SharedWork<T> {
  private readonly work: () => Promise<T>;
  private running: Promise<T> | undefined;
  private waiting: Promise<T> | undefined;

  constructor(work: () => Promise<T>) {
    this.work = work;
  }

  /** Nobody waits for it. */
  get isIdle(): boolean {
    return this.running === undefined && this.waiting === undefined;
  }

  /** The result of a piece of work that begins after this call. */
  do(): Promise<T> {
    if (this.running === undefined) {
      this.running = this.work().finally(() => {
        this.running = undefined;
      });
      return this.running;
    }
    this.waiting ??= this.running
      .catch(() => undefined)
      .then(() => {
        this.waiting = undefined;
        return this.do();
      });
    return this.waiting;
  }
}
