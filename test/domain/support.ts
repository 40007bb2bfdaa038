import { rmSync } from "node:fs";
import { Memory } from "../../shared/domain/memory.ts";
import type { Workspace } from "../../shared/domain/workspace.ts";
import { createWorkspace, openWorkspace, type Realm } from "../../shared/domain/workspaces.ts";
import { type EmbeddedStores, openEmbedded } from "../../shared/drivers/embedded/open-embedded.ts";
import type { BlobStore } from "../../shared/stores/blob-store.ts";
import type { Clock, Ids } from "../../shared/stores/clock.ts";
import type { DocumentStore } from "../../shared/stores/document-store.ts";
import type { SecretStore } from "../../shared/stores/secret-store.ts";
import type { Stores } from "../../shared/stores/stores.ts";
import type { WorkQueue } from "../../shared/stores/work-queue.ts";
import { temporaryFolder } from "../drivers/embedded-fixture.ts";

export const SECOND = 1_000;
export const DAY = 24 * 3600 * SECOND;

/** Stands still but for `pass`. Whoever sets `nowMs` sets the clock: no time passes by that. */
export class SettableClock implements Clock {
  nowMs = Date.UTC(2026, 0, 1);
  #elapsedMs = 0;

  now(): number {
    return this.nowMs;
  }

  pass(milliseconds: number): void {
    this.nowMs += milliseconds;
    this.#elapsedMs += milliseconds;
  }

  elapsed(): number {
    return this.#elapsedMs;
  }
}

/** Draws lots that are the same in every run (mulberry32). */
export function seededIds(seed = 1): Ids {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const byte = (): string =>
    Math.floor(next() * 256)
      .toString(16)
      .padStart(2, "0");
  return {
    hex: (bytes) => Array.from({ length: bytes }, byte).join(""),
    integer: (below) => Math.floor(next() * below),
  };
}

export interface DomainFixture {
  readonly clock: SettableClock;
  readonly stores: EmbeddedStores;
  readonly realm: Realm;
  /** A workspace of its own, on these stores or others, that remembers nothing yet. */
  freshWorkspace(stores?: Stores): Promise<Workspace>;
  close(): Promise<void>;
}

/** Real embedded stores in a temporary folder that goes with `close`. */
export function domainFixture(seed = 1): DomainFixture {
  const folder = temporaryFolder();
  const clock = new SettableClock();
  const ids = seededIds(seed);
  const stores = openEmbedded({ folder, clock, baseUrl: () => "http://127.0.0.1:1" });
  const realm: Realm = { stores, clock, ids, memory: new Memory() };
  let workspaces = 0;
  return {
    clock,
    stores,
    realm,
    async freshWorkspace(over = stores) {
      const name = `team-${++workspaces}`;
      await createWorkspace(realm, name, "");
      const workspace = await openWorkspace(realm, name);
      return { ...workspace, stores: over, memory: new Memory() };
    },
    async close() {
      await stores.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** The same workspace in a process that has just started. */
export function withColdMemory(workspace: Workspace): Workspace {
  return { ...workspace, memory: new Memory() };
}

export class Killed extends Error {}

type Effects<Store> = Record<keyof Store, "reads" | "writes">;

/** What each method of a seam does: one that is new does not compile until it is said here. */
const DOCUMENT_STORE: Effects<DocumentStore> = {
  get: "reads",
  create: "writes",
  ensure: "writes",
  replace: "writes",
  remove: "writes",
  batch: "writes",
  list: "reads",
  changes: "reads",
};

const BLOB_STORE: Effects<BlobStore> = {
  maxPathLength: "reads",
  put: "writes",
  get: "reads",
  head: "reads",
  remove: "writes",
  list: "reads",
  stageBlock: "writes",
  commitBlocks: "writes",
  handOver: "writes",
  append: "writes",
  signedUrl: "reads",
  signedBlockUrls: "reads",
};

const WORK_QUEUE: Effects<WorkQueue> = {
  send: "writes",
  receive: "writes",
  update: "writes",
  remove: "writes",
  count: "reads",
};

const SECRET_STORE: Effects<SecretStore> = {
  set: "writes",
  get: "reads",
  remove: "writes",
  names: "reads",
};

/** Lets a process die at one of its writes: every write from then on raises Killed, until `restart`. */
export class Power {
  writes = 0;
  private dyingAt = Number.POSITIVE_INFINITY;
  private reachesStore = false;

  /** @param reachesStore whether the write at which it dies is carried out, only its acknowledgement is lost */
  failAt(write: number, reachesStore: boolean): void {
    this.writes = 0;
    this.dyingAt = write;
    this.reachesStore = reachesStore;
  }

  restart(): void {
    this.failAt(Number.POSITIVE_INFINITY, false);
  }

  async write<T>(act: () => Promise<T>): Promise<T> {
    this.writes++;
    if (this.writes < this.dyingAt) return act();
    if (this.writes === this.dyingAt && this.reachesStore) await act();
    throw new Killed("The process died.");
  }

  /** The stores as a process under this power sees them. */
  feed(stores: Stores): Stores {
    return withEachWrite(stores, (write) => this.write(write));
  }
}

/** The same stores, with `around` put around everything that changes something. */
export function withEachWrite(stores: Stores, around: <T>(write: () => Promise<T>) => Promise<T>): Stores {
  const wrap = <S extends object>(store: S, effects: Effects<S>): S =>
    new Proxy(store, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as (...values: unknown[]) => Promise<unknown>;
        if (effects[name as keyof S] !== "writes") return method.bind(target);
        return (...values: unknown[]) => around(() => method.apply(target, values));
      },
    });
  const { runs, catalog, events } = stores.documents;
  const documents = (store: DocumentStore): DocumentStore => wrap(store, DOCUMENT_STORE);
  return {
    documents: { runs: documents(runs), catalog: documents(catalog), events: documents(events) },
    blobs: wrap(stores.blobs, BLOB_STORE),
    queue: wrap(stores.queue, WORK_QUEUE),
    secrets: stores.secrets && wrap(stores.secrets, SECRET_STORE),
  };
}

/** Runs what may be killed; whether it survived. Other errors are thrown on. */
export async function survives(act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    if (error instanceof Killed) return false;
    throw error;
  }
}

/** How many of the attempts, made at once, succeed; the codes of those that do not. */
export async function raceOf(
  attempts: readonly Promise<unknown>[],
): Promise<{ winners: number[]; refusals: (string | undefined)[] }> {
  const results = await Promise.allSettled(attempts);
  return {
    winners: results.flatMap(({ status }, i) => (status === "fulfilled" ? [i] : [])),
    refusals: results.flatMap((result) => (result.status === "rejected" ? [result.reason.code ?? result.reason] : [])),
  };
}

export const refusal = (code: string, message?: string | RegExp) => ({
  asymmetricMatch: (error: { code?: string; message: string }) =>
    error?.code === code && (message === undefined || error.message.search(message) >= 0),
  toString: () => `refusal ${code}`,
});
