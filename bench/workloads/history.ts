import { spawn } from "node:child_process";
import { once as event } from "node:events";
import { get } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { cloneRows, execute } from "../lib/clone-rows.ts";
import { writeLongRuns } from "../lib/long-runs.ts";
import { memoryGrowth, memoryMb } from "../lib/process-tree.ts";
import { once, repeat, type Sample } from "../lib/sampling.ts";
import type { Server } from "../subjects/server.ts";
import { createRun } from "./logging.ts";
import { API, workload } from "./workload.ts";

export const PAGED = 100_000;
const MILLION = 1_000_000;
const BATCH = 1_000;
const SEALED_AFTER_MS = 65_000;
const only = ["cairn", "mlflow, 1 worker", "fasttrackml"];

const batch = (runId: string, from: number): string => {
  const metrics = Array.from({ length: BATCH }, (_, i) => {
    const step = from + i;
    return { key: "loss", value: Math.sin(step), timestamp: 1.79e12 + step, step };
  });
  return JSON.stringify({ run_id: runId, metrics, params: [], tags: [] });
};

/** A finished run with one metric of `points` values. */
export async function logRun(server: Server, points: number): Promise<string> {
  const connection = server.connect();
  const runId = await createRun(connection);
  for (let from = 0; from < points; from += BATCH) {
    await connection.ask(connection.prepare("POST", `${API}/runs/log-batch`, batch(runId, from)));
  }
  await connection.json("POST", `${API}/runs/update`, { run_id: runId, status: "FINISHED", end_time: 1.8e12 });
  connection.close();
  return runId;
}

interface Runs {
  readonly of100k: string;
  /** Ours only: the peers' take hours to log. */
  readonly ofMillion: string;
}

const logged = new WeakMap<Server, Promise<Runs>>();

function logRuns(server: Server): Promise<Runs> {
  let runs = logged.get(server);
  if (!runs) {
    runs = server.subject.database ? logTheirs(server) : logOurs(server);
    logged.set(server, runs);
  }
  return runs;
}

async function logTheirs(server: Server): Promise<Runs> {
  return { of100k: await logRun(server, PAGED), ofMillion: "" };
}

/** Points are sealed when they are a minute old: afterwards is how a history is mostly read. */
async function logOurs(server: Server): Promise<Runs> {
  const runs = { of100k: await logRun(server, PAGED), ofMillion: await logRun(server, MILLION) };
  await delay(SEALED_AFTER_MS);
  await untilIdle(server);
  return runs;
}

export async function readPaged(server: Server, runId: string): Promise<void> {
  const connection = server.connect();
  let read = 0;
  for (let token = ""; ; ) {
    const page = token === "" ? "" : `&page_token=${encodeURIComponent(token)}`;
    const path = `${API}/metrics/get-history?run_id=${runId}&metric_key=loss&max_results=25000${page}`;
    const { metrics = [], next_page_token = "" } = await connection.json("GET", path);
    read += metrics.length;
    token = next_page_token;
    if (token === "") break;
  }
  connection.close();
  if (read !== PAGED) throw new Error(`${read} points came back instead of ${PAGED}.`);
}

/** Reads an answer of any size and drops it. Returns its bytes. */
function drain(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on("end", () => resolve(bytes)).on("error", reject);
    }).on("error", reject);
  });
}

const watched = async (server: Server, work: () => Promise<unknown>): Promise<Sample> => {
  let growth = 0;
  const sample = await once(server, async () => {
    growth = await memoryGrowth(server.pid, work);
  });
  return { ...sample, growth };
};

/** Until the server has done nothing for a second. */
async function untilIdle(server: Server): Promise<void> {
  for (let quiet = 0, before = server.cpuMicroseconds(); quiet < 10; ) {
    await delay(100);
    const now = server.cpuMicroseconds();
    quiet = now - before < 5_000 ? quiet + 1 : 0;
    before = now;
  }
}

/** A run of a million points in MLflow's database, copied from one point. */
async function millionByCopying(server: Server): Promise<string> {
  const connection = server.connect();
  const runId = await createRun(connection);
  await connection.json("POST", `${API}/runs/log-metric`, {
    run_id: runId,
    key: "loss",
    value: 0,
    timestamp: 1.79e12,
    step: 0,
  });
  cloneRows(join(server.folder, server.subject.database!), "metrics", `run_uuid = '${runId}'`, MILLION - 1, (n) => ({
    value: Math.sin(n + 1),
    timestamp: 1.79e12 + n + 1,
    step: n + 1,
  }));
  connection.close();
  return runId;
}

async function purgeOurs(server: Server, runId: string): Promise<Sample> {
  return watched(server, async () => {
    const connection = server.connect();
    await connection.json("POST", `${API}/runs/delete`, { run_id: runId });
    await connection.json("DELETE", `/api/v1/workspaces/default/runs/${runId}`);
    connection.close();
    await untilIdle(server);
  });
}

/** `mlflow gc`, a process of its own; its memory is what counts. */
async function purgeWithGc(server: Server, runId: string): Promise<Sample> {
  const file = join(server.folder, server.subject.database!);
  execute(file, `UPDATE runs SET lifecycle_stage = 'deleted', deleted_time = 1 WHERE run_uuid = '${runId}'`);
  const { command } = server.subject.command({ port: 0, folder: server.folder });
  const args = ["-m", "mlflow", "gc", "--backend-store-uri", `sqlite:///${file}`, "--run-ids", runId];
  const begun = performance.now();
  const child = spawn("taskset", ["-c", "0", command, ...args], {
    stdio: "ignore",
    env: { ...process.env, ...server.subject.env, MLFLOW_TRACKING_URI: server.url },
  });
  let growth = 0;
  const timer = setInterval(() => {
    growth = Math.max(growth, memoryMb(child.pid!));
  }, 50);
  const [code] = await event(child, "exit");
  clearInterval(timer);
  if (code !== 0) throw new Error(`mlflow gc ended with ${code}.`);
  const tookMs = performance.now() - begun;
  return { p50: tookMs, p99: tookMs, perSecond: 1_000 / tookMs, cpu: Number.NaN, growth };
}

const RESUMED_TIMES = 300;
type LongRuns = Awaited<ReturnType<typeof writeLongRuns>>;
const longRuns = new WeakMap<Server, Promise<LongRuns>>();

function withLongRuns(server: Server): Promise<LongRuns> {
  const runs = longRuns.get(server) ?? makeLongRuns(server);
  longRuns.set(server, runs);
  return runs;
}

async function makeLongRuns(server: Server): Promise<LongRuns> {
  let made: LongRuns | undefined;
  await server.restart(async () => {
    made = await writeLongRuns(server.folder, RESUMED_TIMES);
  });
  await untilIdle(server);
  return made!;
}

/** What was logged little by little over days. The peers keep points in rows, however they came. */
function longRunCharts(what: string, which: "resumed" | "watched") {
  return workload({
    id: "W5",
    title: `a chart of 320 points of ${what}`,
    measure: "p50",
    rounds: 2,
    only: ["cairn"],
    prepare: withLongRuns,
    async run(server, runs: LongRuns) {
      const connection = server.connect();
      const path = "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval";
      const request = connection.prepare("GET", `${path}?run_ids=${runs[which]}&metric_key=loss&max_results=320`);
      const { metrics } = JSON.parse((await connection.ask(request)).toString());
      if (metrics.length !== 320) throw new Error(`${metrics.length} points came back.`);
      const sample = await repeat(server, [() => connection.ask(request)], { measureMs: 1_000 });
      connection.close();
      return sample;
    },
  });
}

export const HISTORY = [
  workload({
    id: "W5",
    title: "history of 100,000 points, in pages of 25,000",
    measure: "p50",
    rounds: 3,
    only,
    prepare: logRuns,
    run: (server, { of100k }: Runs) => once(server, () => readPaged(server, of100k)),
  }),
  workload({
    id: "W5",
    title: "the same, sampled to 320 points",
    measure: "p50",
    rounds: 3,
    without: { fasttrackml: "has no such route" },
    only,
    prepare: logRuns,
    async run(server, { of100k }: Runs) {
      const connection = server.connect();
      const path = "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval";
      const request = connection.prepare("GET", `${path}?run_ids=${of100k}&metric_key=loss&max_results=320`);
      const { metrics } = JSON.parse((await connection.ask(request)).toString());
      if (metrics.length < 300) throw new Error(`${metrics.length} points came back.`);
      const sample = await repeat(server, [() => connection.ask(request)], { measureMs: 1_000 });
      connection.close();
      return sample;
    },
  }),
  longRunCharts("a run of 6,000 points that was resumed 300 times", "resumed"),
  longRunCharts("a run of 6,000 points that was watched while it logged", "watched"),
  workload({
    id: "W5",
    title: "history of 1,000,000 points in one answer",
    measure: "p50",
    rounds: 1,
    only: ["cairn"],
    prepare: logRuns,
    run: (server, { ofMillion }: Runs) =>
      watched(server, () => drain(`${server.url}${API}/metrics/get-history?run_id=${ofMillion}&metric_key=loss`)),
  }),
  workload({
    id: "W10",
    title: "removing a run of 1,000,000 points for good (mlflow: the process of its gc)",
    measure: "p50",
    rounds: 1,
    only: ["cairn", "mlflow, 1 worker"],
    prepare: async (server) => (server.subject.database ? millionByCopying(server) : (await logRuns(server)).ofMillion),
    run: (server, runId: string) => (server.subject.database ? purgeWithGc(server, runId) : purgeOurs(server, runId)),
  }),
];
