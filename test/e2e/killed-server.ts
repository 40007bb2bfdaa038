import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningServer } from "../setup/server.ts";
import { type Acknowledged, hammer, nothingYet, send, sha256, type Target } from "./hammer.ts";

const LIMIT_MS = 240_000;

interface Metric {
  readonly value: number;
  readonly timestamp: number;
  readonly step: number;
}

export interface KilledOptions {
  readonly kills: number;
  /** How long the server lives after it listens, in turns. */
  readonly livesMs: readonly number[];
  /** Starts the server on the same data each time. */
  start(port?: number): Promise<RunningServer>;
  /** Further work while the server is killed and started. */
  beside?(target: Target, stopped: () => boolean): Promise<void>;
}

/** Kills a server again and again while it is written to, and tests what it has then. The hooks around it must be there already. */
export function testsOfKilledServer({ kills, livesMs, start, beside }: KilledOptions): void {
  const acknowledged: Acknowledged = nothingYet();
  let server: RunningServer;
  let target: Target;

  beforeAll(async () => {
    server = await start();
    target = await prepare(server.url);
    let stopped = false;
    const isStopped = () => stopped;
    const working = Promise.all([hammer(target, acknowledged, isStopped), beside?.(target, isStopped)]);
    await Promise.race([working, killAgainAndAgain()]).finally(() => {
      stopped = true;
    });
    await working;
  }, LIMIT_MS);

  afterAll(async () => {
    await server?.stop();
  });

  async function killAgainAndAgain(): Promise<void> {
    const port = Number(new URL(server.url).port);
    for (let kill = 0; kill < kills; kill++) {
      await new Promise((resolve) => setTimeout(resolve, livesMs[kill % livesMs.length]));
      await server.kill("SIGKILL");
      server = await start(port);
    }
  }

  test("work was done in every kind", () => {
    const { steps, runs, tags, artifacts, versions } = acknowledged;
    const counts = [steps.get("batch")?.length, steps.get("point")?.length, runs.size, tags.size, artifacts.size];
    for (const count of [...counts, versions.length]) expect(count).toBeGreaterThan(5);
  });

  test.each(["batch", "point"])("metrics: every acknowledged point of '%s' is there exactly once", async (key) => {
    const history = await metricHistory(target, key);
    const steps = acknowledged.steps.get(key) ?? [];
    expect(history.map(({ step }) => step)).toEqual(steps);
    expect(history.every(({ step, value }) => value === (key === "batch" ? step / 2 : step))).toBe(true);
  });

  test("runs: every acknowledged one is there, under its name, once", async () => {
    const found = await searchRuns(target);
    for (const [name, id] of acknowledged.runs) expect(found.get(id), name).toBe(name);
    expect(found.size).toBeGreaterThanOrEqual(acknowledged.runs.size + 1);
  });

  test("tags: the last acknowledged value stands", async () => {
    const path = `/api/2.0/mlflow/runs/get?run_id=${target.runId}`;
    const { run } = (await send(target.url, "GET", path)) as {
      run: { data: { tags: { key: string; value: string }[] } };
    };
    const found = new Map(run.data.tags.map(({ key, value }) => [key, value]));
    for (const [key, value] of acknowledged.tags) expect(found.get(key), key).toBe(value);
  });

  test("artifacts: the last acknowledged content stands, whole", async () => {
    for (const [path, hash] of acknowledged.artifacts) {
      const url = `${target.url}/api/2.0/mlflow-artifacts/artifacts${target.artifactRoot}/${path}`;
      const response = await fetch(url);
      expect([path, response.status]).toEqual([path, 200]);
      expect([path, sha256(new Uint8Array(await response.arrayBuffer()))]).toEqual([path, hash]);
    }
  });

  test("registry: no version number was given twice, and every one is there", async () => {
    const { versions } = acknowledged;
    expect(new Set(versions).size).toBe(versions.length);
    const query = `filter=${encodeURIComponent(`name = '${target.model}'`)}&max_results=10000`;
    const answer = await send(target.url, "GET", `/api/2.0/mlflow/model-versions/search?${query}`);
    const found = (answer as { model_versions: { version: string }[] }).model_versions.map((it) => it.version);
    expect(new Set(found).size).toBe(found.length);
    expect(versions.filter((version) => !found.includes(version))).toEqual([]);
  });

  test("it takes new work, and a clean stop", async () => {
    const body = { run_id: target.runId, key: "after", value: 1, timestamp: 1, step: 0 };
    await send(target.url, "POST", "/api/2.0/mlflow/runs/log-metric", body);
    expect(await server.kill("SIGTERM")).toBe(0);
  });
}

async function prepare(url: string): Promise<Target> {
  const post = (path: string, body: object) => send(url, "POST", `/api/2.0/mlflow/${path}`, body);
  const { experiment_id } = (await post("experiments/create", { name: "hammered" })) as { experiment_id: string };
  const { run } = (await post("runs/create", { experiment_id, run_name: "anvil" })) as {
    run: { info: { run_id: string; artifact_uri: string } };
  };
  await post("registered-models/create", { name: "anvil" });
  const artifactRoot = run.info.artifact_uri.replace("mlflow-artifacts:", "");
  return { url, experimentId: experiment_id, runId: run.info.run_id, artifactRoot, model: "anvil" };
}

export async function metricHistory({ url, runId }: Pick<Target, "url" | "runId">, key: string): Promise<Metric[]> {
  const found: Metric[] = [];
  for (let token = ""; ; ) {
    const query = `run_id=${runId}&metric_key=${key}&max_results=5000&page_token=${encodeURIComponent(token)}`;
    const page = await send(url, "GET", `/api/2.0/mlflow/metrics/get-history?${query}`);
    const { metrics, next_page_token } = page as { metrics?: Metric[]; next_page_token?: string };
    found.push(...(metrics ?? []));
    if (!next_page_token) return found;
    token = next_page_token;
  }
}

async function searchRuns({ url, experimentId }: Target): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let token: string | undefined; ; ) {
    const body = { experiment_ids: [experimentId], max_results: 1000, page_token: token };
    const page = await send(url, "POST", "/api/2.0/mlflow/runs/search", body);
    const { runs, next_page_token } = page as {
      runs: { info: { run_id: string; run_name: string } }[];
      next_page_token?: string;
    };
    for (const { info } of runs) found.set(info.run_id, info.run_name);
    if (!next_page_token) return found;
    token = next_page_token;
  }
}
