import { repeat } from "../lib/sampling.ts";
import type { Connection } from "../lib/wire.ts";
import type { Server } from "../subjects/server.ts";
import { API, workload } from "./workload.ts";

const BATCH = 1_000;
/** What one connection logs before it is measured: V8 compiles the ways of a call for some 40,000 calls, and a server runs for days. */
const WARM_UP = { warmUpMs: 0, measureMs: 10_000 };
/** The other end of that: what the first calls after a start cost. */
const FIRST_CALLS = { warmUpMs: 0, measureMs: 60_000, atMost: 2_000 };

export async function createRun(connection: Connection, experimentId = "0"): Promise<string> {
  const input = { experiment_id: experimentId, start_time: Date.now() };
  return (await connection.json("POST", `${API}/runs/create`, input)).run.info.run_id;
}

export const metricBody = (runId: string, i: number): string =>
  `{"run_id":"${runId}","run_uuid":"${runId}","key":"loss","value":${1 / (i + 1)},"timestamp":${1.79e12 + i},"step":${i}}`;

/** `count` points of ten metrics; no two batches of a run have a point in common. */
export function batchBody(runId: string, batch: number, count: number): string {
  const metrics = Array.from({ length: count }, (_, i) => ({
    key: `metric_${i % 10}`,
    value: Math.random(),
    timestamp: 1.79e12 + batch * count + i,
    step: batch * (count / 10) + Math.floor(i / 10),
  }));
  return JSON.stringify({ run_id: runId, metrics, params: [], tags: [] });
}

/** Bodies are made before, and are new in each round: a repeated batch would be a duplicate. */
export async function logBatches(server: Server, lanes: number) {
  const connections = Array.from({ length: lanes }, () => server.connect());
  const perLane = 400 / lanes;
  const requests = await Promise.all(
    connections.map(async (connection) => {
      const runId = await createRun(connection);
      return Array.from({ length: perLane }, (_, i) =>
        connection.prepare("POST", `${API}/runs/log-batch`, batchBody(runId, i, BATCH)),
      );
    }),
  );
  const operations = connections.map((connection, lane) => {
    let sent = 0;
    return () => connection.ask(requests[lane]![sent++ % perLane]!);
  });
  const half = { atMost: perLane / 2, counts: BATCH };
  const sample = await repeat(server, operations, { ...half, warmUpMs: 400, measureMs: 2_000 });
  for (const connection of connections) connection.close();
  return sample;
}

/** Logs new points, each connection to a run of its own, and reads some of them. */
export async function logMetrics(server: Server, lanes: number, duration: Parameters<typeof repeat>[2] = {}) {
  const connections = Array.from({ length: lanes }, () => server.connect());
  const runIds = await Promise.all(connections.map((connection) => createRun(connection)));
  const operations = connections.map((connection, lane) => {
    let step = 0;
    return () =>
      connection.ask(connection.prepare("POST", `${API}/runs/log-metric`, metricBody(runIds[lane]!, step++)));
  });
  const sample = await repeat(server, operations, duration);
  const history = `${API}/metrics/get-history?run_id=${runIds[0]}&metric_key=loss&max_results=10`;
  const { metrics } = await connections[0]!.json("GET", history);
  if (metrics[9].step !== 9) throw new Error("The history is not what was logged.");
  for (const connection of connections) connection.close();
  return sample;
}

export const LOGGING = [
  workload({
    id: "W1",
    title: "log-metric, one connection",
    measure: "p50",
    rounds: 5,
    prepare: (server) => logMetrics(server, 1, WARM_UP),
    run: (server) => logMetrics(server, 1),
  }),
  workload({
    id: "W1",
    title: "log-metric, eight connections",
    measure: "perSecond",
    unit: "calls/s",
    rounds: 5,
    run: (server) => logMetrics(server, 8),
  }),
  workload({
    id: "W1",
    title: "log-metric, the first 2,000 calls after a start",
    measure: "p50",
    rounds: 3,
    only: ["cairn"],
    async run(server) {
      await server.restart();
      return logMetrics(server, 1, FIRST_CALLS);
    },
  }),
  workload({
    id: "W2",
    title: "log-batch of 1,000 points, one connection",
    measure: "perSecond",
    unit: "points/s",
    rounds: 5,
    run: (server) => logBatches(server, 1),
  }),
  workload({
    id: "W2",
    title: "log-batch of 1,000 points, eight connections",
    measure: "perSecond",
    unit: "points/s",
    rounds: 5,
    run: (server) => logBatches(server, 8),
  }),
];
