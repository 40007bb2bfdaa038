import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { HttpClient } from "@azure/core-rest-pipeline";
import { type CosmosOptions, type CosmosStores, openCosmos } from "../../../shared/drivers/cosmos/open-cosmos.ts";
import type { Clock } from "../../../shared/stores/clock.ts";
import { countingIds } from "../embedded-fixture.ts";

/** The emulator's program, as `npm test` has built it; undefined where it could not. */
export const EMULATOR = process.env.CAIRN_TEST_COSMOS_EMULATOR || undefined;

/** For `describe.skipIf(!EMULATOR)`. */
export const WITHOUT_EMULATOR =
  EMULATOR === undefined ? " [skipped: CAIRN_TEST_COSMOS_EMULATOR names no emulator]" : "";

/** Physical partitions of a container of the emulator. In Azure a container begins with one. */
export const SERVICE_PARTITIONS = 4;

export interface CosmosEmulator {
  readonly endpoint: string;
  stop(): void;
}

/**
 * Starts a process of its own, empty, with Strong consistency; it ends with this one at the latest. It keeps everything in memory, removes nothing that
 * expires, copies all documents of a physical partition for each batch and all that a query may look at for each query: its time and its memory go with
 * what it holds. Some thousand documents are well; a load test wants an emulator of its own, stopped afterwards.
 */
export async function startEmulator(...options: string[]): Promise<CosmosEmulator> {
  const child = spawn(EMULATOR!, options, { stdio: ["pipe", "pipe", "inherit"] });
  const port = await readyPort(child);
  return { endpoint: `http://localhost:${port}`, stop: () => void child.kill() };
}

async function readyPort(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const [, port] = /^ready (\d+)$/.exec(line) ?? [];
    if (port !== undefined) return port;
  }
  throw new Error("The Cosmos DB emulator ended before it was ready.");
}

/** Goes with the computer's clock, but for `pass`. */
export class ShiftedClock implements Clock {
  #shiftMs = 0;

  now(): number {
    return Date.now() + this.#shiftMs;
  }

  pass(seconds: number): void {
    this.#shiftMs += seconds * 1_000;
  }

  elapsed(): number {
    return performance.now() + this.#shiftMs;
  }
}

/** Any; the emulator checks none. */
export const KEY = "eA==";

const ids = countingIds();
let databases = 0;

export interface CosmosFixture {
  readonly databaseName: string;
  readonly clock: ShiftedClock;
  readonly stores: CosmosStores;
  /** A further client of the same database. */
  another(options?: Partial<CosmosOptions>): Promise<CosmosStores>;
  close(): Promise<void>;
}

/** The stores in a database of their own, which goes with the emulator. */
export async function cosmosFixture(
  { endpoint }: CosmosEmulator,
  options: { httpClient?: HttpClient; retryMs?: number; requestTimeoutMs?: number } = {},
): Promise<CosmosFixture> {
  const clock = new ShiftedClock();
  databases++;
  const databaseName = `cairn-${databases}`;
  const opened: CosmosStores[] = [];
  const open = async (more: Partial<CosmosOptions>) => {
    const stores = await openCosmos({ endpoint, key: KEY, databaseName, clock, ids, ...more } as CosmosOptions);
    opened.push(stores);
    return stores;
  };
  await (await open({})).createContainers();
  return {
    databaseName,
    clock,
    stores: await open(options),
    another: (more = {}) => open(more),
    async close() {
      for (const stores of opened) await stores.close();
    },
  };
}
