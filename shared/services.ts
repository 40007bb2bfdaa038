import { type Config, readConfig } from "./config.ts";
import { Memory, type Stores } from "./domain/workspace.ts";
import type { Realm } from "./domain/workspaces.ts";
import type { Clock, Ids } from "./stores/clock.ts";

/** Everything that functions need of the world. */
export interface Services {
  readonly realm: Realm;
  readonly config: Config;
  /** The local host vouches that every request comes from this machine. */
  readonly loopbackUser: boolean;
  /** The runtime refuses large request bodies: clients are told to upload large files in parts. */
  readonly limitsBodies: boolean;
}

/** What whoever runs the app provides: the local host its embedded stores. */
export interface ProvidedServices extends Stores {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly loopbackUser: boolean;
  readonly limitsBodies: boolean;
}

let current: Services | undefined;

/** Must be called before the first request. */
export function provideServices(provided: ProvidedServices): void {
  const { documents, blobs, queue, clock, ids, loopbackUser, limitsBodies } = provided;
  const realm: Realm = { stores: { documents, blobs, queue }, clock, ids, memory: new Memory() };
  current = { realm, config: readConfig(), loopbackUser, limitsBodies };
}

export function services(): Services {
  if (!current) throw new Error("No stores are configured: start the app with the local host.");
  return current;
}
