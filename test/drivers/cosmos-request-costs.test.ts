import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Memory } from "../../shared/domain/memory.ts";
import { SETTLED_AFTER_MS } from "../../shared/domain/metrics/fold.ts";
import { foldAndSeal, SEAL_DOCUMENTS, seal } from "../../shared/domain/metrics/seal.ts";
import { watchPurges } from "../../shared/domain/purge/background.ts";
import { openWorkspace, type Realm } from "../../shared/domain/workspaces.ts";
import { type EmbeddedStores, openEmbedded } from "../../shared/drivers/embedded/open-embedded.ts";
import { machineIds } from "../../shared/drivers/machine.ts";
import { identify } from "../../shared/http/callers.ts";
import { EventLog } from "../../shared/http/event-log.ts";
import { answerMlflow } from "../../shared/mlflow/dialect.ts";
import { type Input, requestFor, routeNamed } from "../http/support.ts";
import { temporaryFolder } from "./embedded-fixture.ts";
import {
  type CosmosEmulator,
  type CosmosFixture,
  cosmosFixture,
  EMULATOR,
  SERVICE_PARTITIONS,
  startEmulator,
  WITHOUT_EMULATOR,
} from "./support/cosmos-emulator.ts";
import { type Cost, PricedHttp } from "./support/cosmos-prices.ts";

const SEARCHED = Array.from({ length: SERVICE_PARTITIONS }, () => "query");
/** The search of changes looks back so far; behind it an experiment is quiet. */
const OVERLAP_MS = 8_500;

/** What whole requests cost in Cosmos DB: all of their round trips, as published prices have it. W9 of the benchmarks, K3 K4 K5, pains 7 and 9. */
describe.skipIf(!EMULATOR)(`Cosmos DB: costs of requests${WITHOUT_EMULATOR}`, () => {
  let emulator: CosmosEmulator;
  let fixture: CosmosFixture;
  let embedded: EmbeddedStores;
  let realm: Realm;
  let runId: string;
  const folder = temporaryFolder();
  const http = new PricedHttp();

  beforeAll(async () => {
    emulator = await startEmulator();
    fixture = await cosmosFixture(emulator, { httpClient: http });
    const { clock } = fixture;
    embedded = openEmbedded({ folder, clock, baseUrl: () => "http://127.0.0.1:1" });
    const { blobs, queue, secrets } = embedded;
    const stores = { documents: fixture.stores.documents, blobs, queue, secrets };
    realm = { stores, clock, ids: machineIds, memory: new Memory() };
    await newRun();
  });

  beforeEach(async () => {
    runId = await newRun();
    await call("runs_log_metric", { run_id: runId, ...point("warm", 0) });
    http.take();
  });

  afterAll(async () => {
    await fixture?.close();
    emulator?.stop();
    await embedded?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function call(name: string, input: Input) {
    const { method, target, sending } = requestFor(routeNamed(name), input);
    const json = "json" in sending ? { body: JSON.stringify(sending.json) } : {};
    const headers = { "content-type": "application/json" };
    const request = new Request(`http://localhost${target}`, { method, headers, ...json });
    const context = {
      realm,
      events: new EventLog(realm, 90),
      settings: { limitsBodies: false },
      identify: () => identify({ realm, loopbackUser: true }, request as never),
      logError: (error: unknown) => expect.fail(String(error)),
    };
    const { status, body } = await answerMlflow(context, request as never);
    expect(status, String(body)).toBe(200);
    return JSON.parse(String(body));
  }

  async function newRun(experiment_id = "0"): Promise<string> {
    const { run } = await call("runs_create", { experiment_id, run_name: "priced", start_time: 1 });
    for (const key of ["lr", "batch_size", "optimizer"]) {
      await call("runs_log_parameter", { run_id: run.info.run_id, key, value: "0.001" });
    }
    return run.info.run_id;
  }

  const openDefault = () => openWorkspace(realm, "default");

  it("log-metric: 3 requests in two round trips, 12 RU at most", async () => {
    await call("runs_log_metric", { run_id: runId, ...point("loss", 1) });
    const { kinds, units, roundTrips } = http.take();
    expect([kinds, roundTrips]).toEqual([["read", "read", "create"], 2]);
    expect(units).toBeLessThanOrEqual(12);
  });

  it("log-metric: of a logged model too, 5 requests in two round trips", async () => {
    const { model } = await call("logged_models_create", { experiment_id: "0", name: "net" });
    const { model_id } = model.info;
    await call("runs_log_metric", { run_id: runId, model_id, ...point("loss", 1) });
    http.take();
    await call("runs_log_metric", { run_id: runId, model_id, ...point("loss", 2) });
    const { kinds, roundTrips } = http.take();
    expect([kinds, roundTrips]).toEqual([["read", "read", "read", "create", "create"], 2]);
  });

  it("log-batch: of 1,000 points 3 requests in two round trips, 15 RU at most", async () => {
    await call("runs_log_batch", { run_id: runId, metrics: thousandPoints(0) });
    const { kinds, units, roundTrips } = http.take();
    expect([kinds, roundTrips]).toEqual([["read", "read", "create"], 2]);
    expect(units).toBeLessThanOrEqual(15);
  });

  it("log-batch: of points, params and tags together 3 requests in two round trips", async () => {
    const pair = { key: "p", value: "v" };
    await call("runs_log_batch", { run_id: runId, metrics: [point("a", 1)], params: [pair], tags: [pair] });
    const { kinds, roundTrips } = http.take();
    expect([kinds, roundTrips]).toEqual([["read", "read", "batch"], 2]);
  });

  it.each<[operation: string, input: Input, kinds: string[], roundTrips: number, mostUnits: number]>([
    // The last of what is created is the event.
    ["runs_create", { experiment_id: "0", start_time: 1 }, ["read", "create", "create"], 3, 16],
    ["runs_set_tag", { key: "t", value: "v" }, ["read", "read", "replace"], 2, 16],
    ["runs_log_parameter", { key: "p", value: "v" }, ["read", "read", "replace"], 2, 16],
    ["runs_update", { status: "FINISHED", end_time: 2 }, ["read", "read", "replace", "create"], 3, 24],
  ])("%s: %o costs %o in %i round trips, %i RU at most", async (operation, input, expected, waits, mostUnits) => {
    await call(operation, operation === "runs_create" ? input : { run_id: runId, ...input });
    const { kinds, units, roundTrips } = http.take();
    expect([kinds, roundTrips]).toEqual([expected, waits]);
    expect(units).toBeLessThanOrEqual(mostUnits);
  });

  it("the watchdog, which runs four times an hour: 4 queries when there is nothing to do, 21 RU at most", async () => {
    await watchPurges(realm, 30);
    const { kinds, units } = http.take();
    expect(kinds).toEqual(["query", "query", "query", "query"]);
    expect(units).toBeLessThanOrEqual(21);
  });

  it("runs/get: of a run that has ended, 2 requests in one round trip, 5 RU at most", async () => {
    await call("runs_update", { run_id: runId, status: "FINISHED", end_time: 2 });
    fixture.clock.pass(SETTLED_AFTER_MS / 1_000 + 1);
    await foldAndSeal(await openDefault(), runId);
    await call("runs_get", { run_id: runId });
    http.take();
    const { run } = await call("runs_get", { run_id: runId });
    expect(run.data.metrics).toEqual([expect.objectContaining({ key: "warm", value: 0 })]);
    const { kinds, units, roundTrips } = http.take();
    expect([kinds, roundTrips]).toEqual([["read", "read"], 1]);
    expect(units).toBeLessThanOrEqual(5);
  });

  it("runs/get: of a run that is written to, 3 requests in two round trips, with a query for the points that are not folded yet", async () => {
    await call("runs_get", { run_id: runId });
    const { kinds, units, roundTrips } = http.take();
    expect([...kinds].sort()).toEqual(["query", "read", "read"]);
    // The head is read behind the query; the experiment is on its way beside both, so that they may count as one.
    expect(roundTrips).toBeLessThanOrEqual(2);
    expect(units).toBeLessThanOrEqual(12);
  });

  it("runs/search: of one quiet experiment, with table and bodies warm, a read and a query of the changes, 10 RU at most", async () => {
    const { experiment_id } = await call("experiments_create", { name: "quiet" });
    for (let i = 0; i < 20; i++) await newRun(experiment_id);
    const search = () => call("runs_search", { experiment_ids: [experiment_id], filter: "params.lr = '0.001'" });
    await search();
    http.take();
    await search();
    expect(http.take().kinds).toEqual(["read", ...SEARCHED]);
    await sleep(OVERLAP_MS);
    await search();
    http.take();
    expect((await search()).runs).toHaveLength(20);
    const { kinds, costs } = http.take();
    expect(kinds).toEqual(["read", ...SEARCHED]);
    expect(unitsInOnePartition(costs)).toBeLessThanOrEqual(10);
  });

  it("history: of a metric of a sealed run 2 requests, its points come from a blob", async () => {
    for (let i = 0; i < SEAL_DOCUMENTS; i++) {
      await call("runs_log_batch", { run_id: runId, metrics: thousandPoints(i) });
      fixture.clock.pass(0.01);
    }
    fixture.clock.pass(SETTLED_AFTER_MS / 1_000 + 1);
    await seal(await openDefault(), runId);
    http.take();
    const { metrics } = await call("metrics_get_history", { run_id: runId, metric_key: "m1", max_results: 25_000 });
    expect(metrics).toHaveLength(SEAL_DOCUMENTS * 100);
    const { kinds, units } = http.take();
    expect(kinds).toEqual(["query", "read"]);
    expect(units).toBeLessThanOrEqual(8);
  });

  it("sealing: of 120,000 points logged 1,000 to a call, 1,680 RU at most, and twice as many cost twice as much", async () => {
    const costOf = async (documents: number) => {
      const id = await newRun();
      for (let i = 0; i < documents; i++) {
        await call("runs_log_batch", { run_id: id, metrics: thousandPoints(i) });
        fixture.clock.pass(0.01);
      }
      fixture.clock.pass(SETTLED_AFTER_MS / 1_000 + 1);
      http.take();
      expect(await seal(await openDefault(), id)).toBe(documents);
      return http.take();
    };
    const small = await costOf(120);
    expect(small.kinds).toEqual(["read", "query", "query", "read", "replace", "batch", "batch"]);
    expect(small.units).toBeLessThanOrEqual(1_680);
    const large = await costOf(240);
    expect(large.units).toBeLessThanOrEqual(2 * small.units);
  });
});

/** The emulator has several physical partitions; in Azure a container begins with one, and stays at one up to 50 GB. */
function unitsInOnePartition(costs: readonly Cost[]): number {
  return costs.reduce((sum, { kind, units }) => sum + (kind === "query" ? units / SERVICE_PARTITIONS : units), 0);
}

function point(key: string, step: number): Input {
  return { key, value: Math.sin(step), timestamp: 1_767_225_600_000 + step, step };
}

function thousandPoints(batch: number): Input[] {
  return Array.from({ length: 1_000 }, (_, i) => point(`m${i % 10}`, batch * 100 + Math.floor(i / 10)));
}
