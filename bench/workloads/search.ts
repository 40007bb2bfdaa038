import { join } from "node:path";
import { cloneRows } from "../lib/clone-rows.ts";
import { once, repeat } from "../lib/sampling.ts";
import type { Connection } from "../lib/wire.ts";
import type { Server } from "../subjects/server.ts";
import { API, workload } from "./workload.ts";

const RUNS = 100_000;
const METRICS = 10;
const PARAMS = 10;
const only = ["cairn", "mlflow, 1 worker", "fasttrackml"];

export const FILTER = {
  filter: "metrics.m3 > 0.9 and params.p2 = '0.01'",
  order_by: ["metrics.m3 DESC"],
  max_results: 100,
};

/** Between 0 and 1, the same on every run. */
const noise = (i: number, m: number): number =>
  (Math.imul(i + 1, 2654435761) ^ Math.imul(m + 1, 40503)) / 2 ** 32 + 0.5;

const paramOf = (i: number, p: number): string => String([0.1, 0.01, 0.001][(i + p) % 3]);

const experiments = new WeakMap<Server, Promise<string>>();

function seeded(server: Server): Promise<string> {
  let experiment = experiments.get(server);
  if (!experiment) {
    experiment = seed(server);
    experiments.set(server, experiment);
  }
  return experiment;
}

async function seed(server: Server): Promise<string> {
  const experimentId = await createSearched(server, RUNS);
  const fresh = server.connect();
  await requireRight(fresh, experimentId);
  fresh.close();
  return experimentId;
}

/** An experiment with so many runs of ten metrics, ten params and a tag each; the peers' are copied inside their database. */
export async function createSearched(server: Server, runs: number): Promise<string> {
  const connections = Array.from({ length: 8 }, () => server.connect());
  const name = `bench-search-${runs}`;
  const { experiment_id } = await connections[0]!.json("POST", `${API}/experiments/create`, { name });
  if (server.subject.database) {
    const runId = await seedRun(connections[0]!, experiment_id, 0);
    seedByCopying(join(server.folder, server.subject.database), runId, runs - 1);
  } else {
    let next = 0;
    const fill = async (connection: Connection) => {
      while (next < runs) await seedRun(connection, experiment_id, next++);
    };
    await Promise.all(connections.map(fill));
  }
  for (const connection of connections) connection.close();
  return experiment_id;
}

async function seedRun(connection: Connection, experimentId: string, i: number): Promise<string> {
  const start = { experiment_id: experimentId, start_time: 1.7e12 + i, tags: [{ key: "team", value: `t${i % 7}` }] };
  const { run } = await connection.json("POST", `${API}/runs/create`, start);
  const metrics = Array.from({ length: METRICS }, (_, m) => ({
    key: `m${m}`,
    value: noise(i, m),
    timestamp: 1.7e12,
    step: 0,
  }));
  const params = Array.from({ length: PARAMS }, (_, p) => ({ key: `p${p}`, value: paramOf(i, p) }));
  await connection.json("POST", `${API}/runs/log-batch`, { run_id: run.info.run_id, metrics, params, tags: [] });
  return run.info.run_id;
}

function seedByCopying(file: string, runId: string, copies: number): void {
  const idOf = (i: number) => runId.slice(0, 8) + i.toString(16).padStart(24, "0");
  const here = `run_uuid = '${runId}'`;
  cloneRows(file, "runs", here, copies, (n, template) => ({
    run_uuid: idOf(n + 1),
    start_time: 1.7e12 + n + 1,
    ...("row_num" in template && { row_num: Number(template.row_num) + n + 1 }),
  }));
  cloneRows(file, "latest_metrics", here, copies, (n) =>
    Array.from({ length: METRICS }, (_, m) => ({ run_uuid: idOf(n + 1), key: `m${m}`, value: noise(n + 1, m) })),
  );
  cloneRows(file, "params", here, copies, (n, template) =>
    Array.from({ length: PARAMS }, (_, p) => {
      const value = paramOf(n + 1, p);
      return { run_uuid: idOf(n + 1), key: `p${p}`, ...("value_str" in template ? { value_str: value } : { value }) };
    }),
  );
  cloneRows(file, "tags", `${here} AND key = 'team'`, copies, (n) => ({
    run_uuid: idOf(n + 1),
    value: `t${(n + 1) % 7}`,
  }));
}

/** A fast wrong answer is worth nothing. */
async function requireRight(connection: Connection, experimentId: string): Promise<void> {
  const { runs } = await connection.json("POST", `${API}/runs/search`, { experiment_ids: [experimentId], ...FILTER });
  const values = runs.map((run: { data: { metrics: { key: string; value: number }[] } }) => {
    return run.data.metrics.find(({ key }) => key === "m3")!.value;
  });
  const expected = Array.from({ length: RUNS }, (_, i) => i)
    .filter((i) => paramOf(i, 2) === "0.01" && noise(i, 3) > 0.9)
    .map((i) => noise(i, 3))
    .sort((a, b) => b - a)
    .slice(0, 100);
  if (JSON.stringify(values) !== JSON.stringify(expected)) throw new Error("The search gave a wrong answer.");
}

const searching = (title: string, query: object) =>
  workload({
    id: "W4",
    title,
    measure: "p50",
    rounds: 2,
    only,
    prepare: seeded,
    async run(server, experimentId: string) {
      const connection = server.connect();
      const input = JSON.stringify({ experiment_ids: [experimentId], ...query });
      const request = connection.prepare("POST", `${API}/runs/search`, input);
      const sample = await repeat(server, [() => connection.ask(request)], { measureMs: 2_000 });
      connection.close();
      return sample;
    },
  });

export const SEARCHES = [
  searching("search with filter and order, 100 of 100,000 runs", FILTER),
  searching("default list, 100 of 100,000 runs", { max_results: 100 }),
  workload({
    id: "W4",
    title: "the same filter and order as the first search after a start",
    measure: "p50",
    rounds: 2,
    only,
    prepare: seeded,
    async run(server, experimentId: string) {
      await server.restart();
      const connection = server.connect();
      const sample = await once(server, () => requireRight(connection, experimentId));
      connection.close();
      return sample;
    },
  }),
];
