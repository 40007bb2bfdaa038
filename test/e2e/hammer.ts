import { createHash } from "node:crypto";

/** What the server acknowledged, and so must still have. Every value was sent under a name of its own. */
export interface Acknowledged {
  /** Steps by metric key. */
  readonly steps: Map<string, number[]>;
  /** Run ids by the name they were created with. */
  readonly runs: Map<string, string>;
  /** Last value by tag key. */
  readonly tags: Map<string, string>;
  /** SHA-256 by artifact path. */
  readonly artifacts: Map<string, string>;
  readonly versions: string[];
}

export interface Target {
  /** Where the server listens, also after it was killed and started again. */
  readonly url: string;
  readonly experimentId: string;
  readonly runId: string;
  /** Path of the run's artifacts behind `mlflow-artifacts:`. */
  readonly artifactRoot: string;
  readonly model: string;
}

type Send = (method: string, path: string, body: unknown) => Promise<unknown>;

const RETRY_AFTER_MS = 15;

export const nothingYet = (): Acknowledged => ({
  steps: new Map(),
  runs: new Map(),
  tags: new Map(),
  artifacts: new Map(),
  versions: [],
});

/**
 * Writes without a pause until told to stop, and goes on over every death of the server: what is safe to repeat is sent
 * again with the same body until it is acknowledged, as MLflow's client does; what is not counts only when acknowledged.
 */
export async function hammer(target: Target, acknowledged: Acknowledged, stopped: () => boolean): Promise<void> {
  const repeat: Send = (method, path, body) => sendUntilAcknowledged(target.url, method, path, body);
  const once: Send = (method, path, body) => send(target.url, method, path, body);
  const writers = [batchWriter, pointWriter, tagWriter, artifactWriter].map((make) =>
    make(target, acknowledged, repeat),
  );
  writers.push(runWriter(target, acknowledged, once), versionWriter(target, acknowledged, once));
  await Promise.all(writers.map((write) => forEver(write, stopped)));
}

async function forEver(write: (n: number) => Promise<void>, stopped: () => boolean): Promise<void> {
  for (let n = 0; !stopped(); n++) {
    try {
      await write(n);
    } catch (error) {
      if (!(error instanceof Unacknowledged)) throw error;
      await pause();
    }
  }
}

function batchWriter({ runId }: Target, { steps }: Acknowledged, repeat: Send) {
  return async (n: number) => {
    const own = Array.from({ length: 20 }, (_, index) => n * 20 + index);
    const metrics = own.map((step) => ({ key: "batch", value: step / 2, timestamp: 1_000_000 + step, step }));
    await repeat("POST", "/api/2.0/mlflow/runs/log-batch", { run_id: runId, metrics });
    append(steps, "batch", own);
  };
}

function pointWriter({ runId }: Target, { steps }: Acknowledged, repeat: Send) {
  return async (step: number) => {
    const point = { run_id: runId, key: "point", value: step, timestamp: 2_000_000 + step, step };
    await repeat("POST", "/api/2.0/mlflow/runs/log-metric", point);
    append(steps, "point", [step]);
  };
}

function tagWriter({ runId }: Target, { tags }: Acknowledged, repeat: Send) {
  return async (n: number) => {
    const [key, value] = [`tag${n % 7}`, String(n)];
    await repeat("POST", "/api/2.0/mlflow/runs/set-tag", { run_id: runId, key, value });
    tags.set(key, value);
  };
}

function artifactWriter({ artifactRoot }: Target, { artifacts }: Acknowledged, repeat: Send) {
  return async (n: number) => {
    const content = Buffer.alloc(1 + ((n * 7919) % 200_000), `content ${n} `);
    const path = `files/${n % 40}.bin`;
    await repeat("PUT", `/api/2.0/mlflow-artifacts/artifacts${artifactRoot}/${path}`, content);
    artifacts.set(path, sha256(content));
  };
}

function runWriter({ experimentId }: Target, { runs }: Acknowledged, once: Send) {
  return async (n: number) => {
    const name = `run-${n}`;
    const body = { experiment_id: experimentId, run_name: name, start_time: 5 };
    const { run } = (await once("POST", "/api/2.0/mlflow/runs/create", body)) as { run: { info: { run_id: string } } };
    runs.set(name, run.info.run_id);
  };
}

function versionWriter({ model, artifactRoot, runId }: Target, { versions }: Acknowledged, once: Send) {
  return async () => {
    const body = { name: model, source: `mlflow-artifacts:${artifactRoot}/files`, run_id: runId };
    const answer = await once("POST", "/api/2.0/mlflow/model-versions/create", body);
    versions.push((answer as { model_version: { version: string } }).model_version.version);
  };
}

class Unacknowledged extends Error {}

export async function sendUntilAcknowledged(
  url: string,
  method: string,
  path: string,
  body: unknown,
): Promise<unknown> {
  for (;;) {
    try {
      return await send(url, method, path, body);
    } catch (error) {
      if (!(error instanceof Unacknowledged)) throw error;
      await pause();
    }
  }
}

/**
 * @throws Unacknowledged when no whole answer came; Error for any answer but 200, which killing must never cause
 */
export async function send(url: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const { status, text } = await request(url + path, method, body);
  if (status !== 200) throw new Error(`${method} ${path}: ${status} ${text}`);
  return JSON.parse(text || "{}");
}

async function request(url: string, method: string, body: unknown): Promise<{ status: number; text: string }> {
  const raw = Buffer.isBuffer(body) ? new Uint8Array(body) : undefined;
  const contentType = raw ? "application/octet-stream" : "application/json";
  const init =
    body === undefined ? {} : { body: raw ?? JSON.stringify(body), headers: { "content-type": contentType } };
  try {
    const response = await fetch(url, { method, ...init });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    throw new Unacknowledged("no answer", { cause: error });
  }
}

export const sha256 = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");

function append(steps: Map<string, number[]>, key: string, more: number[]): void {
  const known = steps.get(key);
  if (known) known.push(...more);
  else steps.set(key, [...more]);
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS));
