import { once, sampleOf } from "../lib/sampling.ts";
import type { Connection } from "../lib/wire.ts";
import type { Server } from "../subjects/server.ts";
import { batchBody, createRun, metricBody } from "./logging.ts";
import { API, workload } from "./workload.ts";

const TRAINERS = 8;
const READERS = 2;
const BATCHES = 40;
const METRICS = 20;
const ARTIFACT = "x".repeat(1_024);

/** Creates a run, logs params, batches, single values and a file, and ends it. Returns its calls. */
async function train(connection: Connection, experimentId: string, withArtifact: boolean): Promise<number> {
  const runId = await createRun(connection, experimentId);
  const post = (path: string, body: string) => connection.ask(connection.prepare("POST", `${API}/runs/${path}`, body));
  const params = Array.from({ length: 20 }, (_, i) => ({ key: `p${i}`, value: String(i) }));
  await post("log-batch", JSON.stringify({ run_id: runId, params, metrics: [], tags: [] }));
  for (let i = 0; i < BATCHES; i++) await post("log-batch", batchBody(runId, i, 10));
  for (let i = 0; i < METRICS; i++) await post("log-metric", metricBody(runId, i));
  if (withArtifact) {
    const path = `/api/2.0/mlflow-artifacts/artifacts/bench/${runId}/file.txt`;
    await connection.ask(connection.prepare("PUT", path, ARTIFACT, "application/octet-stream"));
  }
  await post("update", JSON.stringify({ run_id: runId, status: "FINISHED", end_time: Date.now() }));
  return 3 + BATCHES + METRICS + (withArtifact ? 1 : 0);
}

/** Searches, and reads the best run and one history, until told to stop. Returns its calls. */
async function read(connection: Connection, experimentId: string, isOver: () => boolean): Promise<number> {
  let calls = 0;
  while (!isOver()) {
    const search = { experiment_ids: [experimentId], order_by: ["metrics.loss ASC"], max_results: 50 };
    const { runs = [] } = await connection.json("POST", `${API}/runs/search`, search);
    calls++;
    const runId = runs[0]?.info.run_id;
    if (!runId) continue;
    await connection.json("GET", `${API}/runs/get?run_id=${runId}`);
    await connection.json("GET", `${API}/metrics/get-history?run_id=${runId}&metric_key=loss`);
    calls += 2;
  }
  return calls;
}

export async function train8(server: Server) {
  const connections = Array.from({ length: TRAINERS + READERS }, () => server.connect());
  const name = `trainers-${performance.now()}`;
  const { experiment_id } = await connections[0]!.json("POST", `${API}/experiments/create`, { name });
  const withArtifact = server.subject.name !== "fasttrackml";
  let isOver = false;
  let calls = 0;
  const sample = await once(server, async () => {
    const readers = connections.slice(TRAINERS).map((it) => read(it, experiment_id, () => isOver));
    const trainers = connections.slice(0, TRAINERS).map((it) => train(it, experiment_id, withArtifact));
    for (const count of await Promise.all(trainers)) calls += count;
    isOver = true;
    for (const count of await Promise.all(readers)) calls += count;
  });
  for (const connection of connections) connection.close();
  return { ...sample, perSecond: (calls * 1_000) / sample.p50, cpu: sample.cpu / calls };
}

export const TRAINING = [
  workload({
    id: "W3",
    title: "eight trainers and two readers (fasttrackml: without artifacts)",
    measure: "perSecond",
    unit: "calls/s",
    rounds: 3,
    run: train8,
  }),
  workload({
    id: "W8",
    title: "memory after eight trainers and two readers",
    measure: "growth",
    rounds: 1,
    prepare: train8,
    run: async (server) => ({ ...sampleOf(0), growth: server.memoryMb() }),
  }),
];
