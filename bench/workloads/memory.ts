import { setTimeout as delay } from "node:timers/promises";
import { sampleOf } from "../lib/sampling.ts";
import type { Server } from "../subjects/server.ts";
import { logRun, PAGED, readPaged } from "./history.ts";
import { logBatches, logMetrics } from "./logging.ts";
import { createSearched, FILTER } from "./search.ts";
import { train8 } from "./trainers.ts";
import { API, workload } from "./workload.ts";

const RUNS = 20_000;
const TRAININGS = 3;
const SEARCHES = 50;
const SETTLE_MS = 20_000;

/** What W1 to W5 do, one after the other at one server: single values, batches, trainers, 20,000 runs that are searched, a long history. */
async function everything(server: Server): Promise<void> {
  await logMetrics(server, 1);
  await logMetrics(server, 8);
  await logBatches(server, 1);
  await logBatches(server, 8);
  for (let i = 0; i < TRAININGS; i++) await train8(server);
  const experimentId = await createSearched(server, RUNS);
  const connection = server.connect();
  for (let i = 0; i < SEARCHES; i++) {
    const search = { experiment_ids: [experimentId], ...FILTER };
    await connection.json("POST", `${API}/runs/search`, search);
    await connection.json("POST", `${API}/runs/search`, { experiment_ids: [experimentId], max_results: 100 });
  }
  await connection.json("POST", `${API}/runs/search`, { experiment_ids: [experimentId], max_results: 5_000 });
  connection.close();
  await readPaged(server, await logRun(server, PAGED));
}

export const MEMORY = [
  workload({
    id: "W8",
    title: "memory after W1 to W5 with 20,000 runs, and twenty seconds of rest",
    measure: "growth",
    rounds: 1,
    only: ["cairn", "mlflow, 1 worker", "fasttrackml"],
    prepare: everything,
    async run(server) {
      await delay(SETTLE_MS);
      return { ...sampleOf(0), growth: server.memoryMb() };
    },
  }),
];
