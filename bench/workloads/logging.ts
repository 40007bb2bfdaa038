import { Client } from "../lib/client.ts";
import { type Measurement, measure } from "../lib/measure.ts";
import type { MeasuredServer } from "../lib/server.ts";

export async function createRun(client: Client): Promise<string> {
  const answer = await client.post("/api/2.0/mlflow/runs/create", `{"experiment_id":"0","start_time":${Date.now()}}`);
  return JSON.parse(answer).run.info.run_id;
}

/** W1: one metric value a call, on one connection. */
export async function logMetric(server: MeasuredServer): Promise<Measurement[]> {
  const client = new Client(server.url, 1);
  const runId = await createRun(client);
  const result = await measure("W1 log-metric", server, 5000, 1000, (i) =>
    client.post(
      "/api/2.0/mlflow/runs/log-metric",
      `{"run_id":"${runId}","run_uuid":"${runId}","key":"loss","value":${1 / (i + 1)},"timestamp":${1.79e12 + i},"step":${i}}`,
    ),
  );
  client.close();
  return [result];
}

/** W2: 1,000 values of 10 metrics a call, on one connection; bodies are made before. */
export async function logBatch(server: MeasuredServer): Promise<Measurement[]> {
  const client = new Client(server.url, 1);
  const runId = await createRun(client);
  const bodies = Array.from({ length: 250 }, (_, batch) => Buffer.from(batchBody(runId, batch)));
  const result = await measure("W2 log-batch, 1,000 values", server, 200, 50, (i) =>
    client.post("/api/2.0/mlflow/runs/log-batch", bodies[i]!),
  );
  client.close();
  return [result];
}

function batchBody(runId: string, batch: number): string {
  const metrics = Array.from({ length: 1000 }, (_, i) => ({
    key: `metric_${i % 10}`,
    value: Math.random(),
    timestamp: 1.79e12 + batch * 1000 + i,
    step: batch * 100 + Math.floor(i / 10),
  }));
  return JSON.stringify({ run_id: runId, metrics, params: [], tags: [] });
}
