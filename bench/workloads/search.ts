import { Client, inParallel } from "../lib/client.ts";
import { type Measurement, measure } from "../lib/measure.ts";
import type { MeasuredServer } from "../lib/server.ts";

const RUNS = 100_000;

/** W4: searches over 100,000 runs with 10 metrics, 10 params and 3 tags each. */
export async function search(server: MeasuredServer): Promise<Measurement[]> {
  const client = new Client(server.url, 8);
  const { experiment_id: experimentId } = JSON.parse(
    await client.post("/api/2.0/mlflow/experiments/create", '{"name":"bench-search"}'),
  );
  await inParallel(RUNS, 8, (i) => seedRun(client, experimentId, i));
  const ask = (query: object) => () =>
    client.post("/api/2.0/mlflow/runs/search", JSON.stringify({ experiment_ids: [experimentId], ...query }));
  const filtered = ask({
    filter: "metrics.m3 > 0.9 and params.p2 = '0.01'",
    order_by: ["metrics.m3 DESC"],
    max_results: 100,
  });
  const first = await measure("W4 first search, index cold", server, 1, 0, filtered);
  await requireRight(filtered);
  const results = [
    first,
    await measure("W4 filter and order, 100 of 100,000 runs", server, 100, 20, filtered),
    await measure("W4 default list, 100 of 100,000 runs", server, 100, 20, ask({ max_results: 100 })),
    await measure("W4 default list, 1,000 of 100,000 runs", server, 30, 5, ask({ max_results: 1000 })),
  ];
  client.close();
  return results;
}

async function seedRun(client: Client, experimentId: string, i: number): Promise<void> {
  const created = await client.post(
    "/api/2.0/mlflow/runs/create",
    JSON.stringify({
      experiment_id: experimentId,
      start_time: 1.7e12 + i,
      tags: [{ key: "team", value: `t${i % 7}` }],
    }),
  );
  const runId = JSON.parse(created).run.info.run_id;
  const metrics = Array.from({ length: 10 }, (_, m) => ({
    key: `m${m}`,
    value: noise(i, m),
    timestamp: 1.7e12,
    step: 0,
  }));
  const params = Array.from({ length: 10 }, (_, p) => ({
    key: `p${p}`,
    value: String([0.1, 0.01, 0.001][(i + p) % 3]),
  }));
  await client.post("/api/2.0/mlflow/runs/log-batch", JSON.stringify({ run_id: runId, metrics, params }));
}

/** Between 0 and 1, the same on every run. */
function noise(i: number, m: number): number {
  return (Math.imul(i + 1, 2654435761) ^ Math.imul(m + 1, 40503)) / 2 ** 32 + 0.5;
}

/** A fast wrong answer is worth nothing. */
async function requireRight(filtered: () => Promise<string>): Promise<void> {
  const { runs } = JSON.parse(await filtered());
  const values = runs.map((run: { data: { metrics: { key: string; value: number }[] } }) => {
    return run.data.metrics.find(({ key }) => key === "m3")!.value;
  });
  const expected = Array.from({ length: RUNS }, (_, i) => i)
    .filter((i) => (i + 2) % 3 === 1 && noise(i, 3) > 0.9)
    .map((i) => noise(i, 3))
    .sort((a, b) => b - a)
    .slice(0, 100);
  if (JSON.stringify(values) !== JSON.stringify(expected)) throw new Error("The search gave a wrong answer.");
}
