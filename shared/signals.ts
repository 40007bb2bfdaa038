import { type Channel, channel } from "node:diagnostics_channel";

/** Something that happens and that somebody may want to count. Telling it costs one look at a boolean while nobody listens. */
class Signal<T> {
  readonly #channel: Channel;

  constructor(name: string) {
    this.#channel = channel(`cairn:${name}`);
  }

  get isHeard(): boolean {
    return this.#channel.hasSubscribers;
  }

  tell(value: T): void {
    if (this.#channel.hasSubscribers) this.#channel.publish(value);
  }

  /** `listener` runs at once, in the asynchronous context of what tells; it must not throw. Returns how to stop. */
  listen(listener: (value: T) => void): () => void {
    const onMessage = (value: unknown) => listener(value as T);
    this.#channel.subscribe(onMessage);
    return () => void this.#channel.unsubscribe(onMessage);
  }
}

/** The name of the operation that a request asks for, as soon as it is known. */
export const operationFound = new Signal<{ readonly name: string }>("operation-found");

/** A run came into a state. */
export const runStateEntered = new Signal<{ readonly state: string }>("run-state-entered");

/** Metric points were accepted and stored. */
export const pointsIngested = new Signal<{ readonly points: number }>("points-ingested");

/** What one request to Cosmos DB cost, in request units. */
export const requestCharged = new Signal<{
  readonly charge: number;
  readonly operation: string;
  readonly container: string;
  readonly status: number;
}>("request-charged");
