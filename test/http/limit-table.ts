import type { Answer, Client, Input } from "./support.ts";
import { callRest } from "./valid-rest.ts";
import { TIME_MS, type World } from "./world.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

export const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));
export const letters = (count: number): string => "x".repeat(count);
const pair = (i: number) => ({ key: `k${i}`, value: "v" });
const metric = (i: number) => ({ key: `m${i}`, value: 1, timestamp: TIME_MS });

/** Whom to ask, and about what. */
interface Subject {
  readonly client: Client;
  readonly world: World;
}

/** The answer to a request with so much of it. */
type Ask = (amount: number, subject: Subject) => Promise<Answer>;
type Limit = readonly [what: string, limit: number, ask: Ask];

const call =
  (operation: string, input: (amount: number, world: World) => Input): Ask =>
  (amount, { client, world }) =>
    client.call(operation, input(amount, world));

const batch = (input: (amount: number) => Input): Ask =>
  call("runs_log_batch", (n, { runId }) => ({ run_id: runId, ...input(n) }));

const dataset = (more: (amount: number) => Input): Ask =>
  call("runs_log_inputs", (n, { runId }) => ({
    run_id: runId,
    datasets: [{ dataset: { name: "d", digest: "1", source_type: "s", source: "s", ...more(n) } }],
  }));

const inputTag = (tag: (amount: number) => Input): Ask =>
  call("runs_log_inputs", (n, { runId }) => ({
    run_id: runId,
    datasets: [{ dataset: { name: "d", digest: "1", source_type: "s", source: "s" }, tags: [tag(n)] }],
  }));

const loggedMetric = (more: (amount: number) => Input): Ask =>
  call("runs_log_metric", (n, { runId }) => ({ run_id: runId, key: "m", value: 1, timestamp: TIME_MS, ...more(n) }));

const search = (input: (amount: number) => Input, operation = "runs_search"): Ask =>
  call(operation, (n, { experimentId }) => ({ experiment_ids: [experimentId], ...input(n) }));

const digits = (count: number) => times(count, (i) => `'${i % 10}'`).join(",");
const clauses = (count: number) => times(count, (i) => `params.p${i} = 'v'`).join(" AND ");
const CLAUSE = "params.p = ''";

export const COUNTS: readonly Limit[] = [
  ["metrics of a batch", 1000, batch((n) => ({ metrics: times(n, metric) }))],
  ["params of a batch", 100, batch((n) => ({ params: times(n, pair) }))],
  ["tags of a batch", 100, batch((n) => ({ tags: times(n, pair) }))],
  [
    "metrics, params and tags of a batch",
    1000,
    batch((n) => ({ metrics: times(n - 150, metric), params: times(75, pair), tags: times(75, pair) })),
  ],
  [
    "datasets of a call",
    1000,
    call("runs_log_inputs", (n, { runId }) => ({
      run_id: runId,
      datasets: times(n, (i) => ({ dataset: { name: `d${i}`, digest: "1", source_type: "s", source: "s" } })),
    })),
  ],
  ["experiments of a search", 10_000, search((n) => ({ experiment_ids: times(n, String) }))],
  ["clauses of a filter", 200, search((n) => ({ filter: clauses(n) }))],
  ["values of a list in a filter", 10_000, search((n) => ({ filter: `attributes.run_id IN (${digits(n)})` }))],
  ["characters of a filter", 64 * KIB, search((n) => ({ filter: `params.p = '${letters(n - CLAUSE.length)}'` }))],
  ["clauses of an order", 100, search((n) => ({ order_by: times(n, (i) => `params.p${i}`) }))],
  [
    "runs of a chart",
    100,
    call("metrics_get_history_bulk_interval", (n, { runId }) => ({ run_ids: times(n, () => runId), metric_key: "m" })),
  ],
  [
    "points of a chart",
    2500,
    call("metrics_get_history_bulk_interval", (n, { runId }) => ({
      run_ids: [runId],
      metric_key: "loss",
      max_results: n,
    })),
  ],
  [
    "parts of an upload",
    10_000,
    (n, { client, world }) =>
      client.call("artifacts_multipart_create", { path: "large", num_parts: n }, { path: world.artifactFolder }),
  ],
];

export const LENGTHS: readonly Limit[] = [
  ["a metric's key", 250, loggedMetric((n) => ({ key: letters(n) }))],
  ["the name of a metric's dataset", 500, loggedMetric((n) => ({ dataset_name: letters(n), dataset_digest: "1" }))],
  ["the digest of a metric's dataset", 36, loggedMetric((n) => ({ dataset_name: "d", dataset_digest: letters(n) }))],
  ["a param's key", 250, batch((n) => ({ params: [{ key: letters(n), value: "v" }] }))],
  ["the key of a run's tag", 250, batch((n) => ({ tags: [{ key: letters(n), value: "v" }] }))],
  ["a dataset's name", 500, dataset((n) => ({ name: letters(n) }))],
  ["a dataset's digest", 36, dataset((n) => ({ digest: letters(n) }))],
  ["a dataset's source type", 250, dataset((n) => ({ source_type: letters(n) }))],
  ["a dataset's source", 65_535, dataset((n) => ({ source: letters(n) }))],
  ["a dataset's schema", 1_048_575, dataset((n) => ({ schema: letters(n) }))],
  ["a dataset's profile", 16_777_215, dataset((n) => ({ profile: letters(n) }))],
  ["the key of an input's tag", 255, inputTag((n) => ({ key: letters(n), value: "v" }))],
  ["the value of an input's tag", 500, inputTag((n) => ({ key: "k", value: letters(n) }))],
  ["an experiment's name", 500, call("experiments_create", (n) => ({ name: letters(n) }))],
  [
    "an artifact location",
    2048,
    call("experiments_create", (n) => ({ name: `at-${n}`, artifact_location: `s3://b/${letters(n - 7)}` })),
  ],
  [
    "the key of an experiment's tag",
    250,
    call("experiments_set_tag", (n, { experimentId }) => ({
      experiment_id: experimentId,
      key: letters(n),
      value: "v",
    })),
  ],
  [
    "an experiment's tag",
    20_000,
    call("experiments_set_tag", (n, { experimentId }) => ({
      experiment_id: experimentId,
      key: "k",
      value: letters(n),
    })),
  ],
  [
    "a logged model's name",
    500,
    call("logged_models_create", (n, { experimentId }) => ({ experiment_id: experimentId, name: letters(n) })),
  ],
  ["a registered model's name", 256, call("registered_models_create", (n) => ({ name: letters(n) }))],
  [
    "a registered model's description",
    5000,
    call("registered_models_update", (n, { registeredModel }) => ({ name: registeredModel, description: letters(n) })),
  ],
  [
    "the key of a registered model's tag",
    250,
    call("registered_models_set_tag", (n, { registeredModel }) => ({
      name: registeredModel,
      key: letters(n),
      value: "v",
    })),
  ],
  [
    "a registered model's tag",
    100_000,
    call("registered_models_set_tag", (n, { registeredModel }) => ({
      name: registeredModel,
      key: "k",
      value: letters(n),
    })),
  ],
  [
    "an alias",
    255,
    call("registered_models_set_alias", (n, { registeredModel }) => ({
      name: registeredModel,
      alias: letters(n),
      version: "1",
    })),
  ],
  [
    "a version's description",
    5000,
    call("model_versions_update", (n, { registeredModel }) => ({
      name: registeredModel,
      version: "1",
      description: letters(n),
    })),
  ],
  [
    "a version's source",
    2048,
    call("model_versions_create", (n, { registeredModel }) => ({
      name: registeredModel,
      source: `s3://b/${letters(n - 7)}`,
    })),
  ],
  [
    "a version's run link",
    2048,
    call("model_versions_create", (n, { registeredModel }) => ({
      name: registeredModel,
      source: "s3://b/m",
      run_link: letters(n),
    })),
  ],
  [
    "a workspace's description",
    500,
    (n, { client }) => callRest(client, "workspaces_update", { json: { description: letters(n) } }),
  ],
  [
    "the name of a key",
    100,
    (n, { client }) => callRest(client, "keys_create", { json: { name: letters(n), member: "namer" } }),
  ],
  [
    "the value of a secret",
    25_000,
    (n, { client }) => callRest(client, "secrets_set", { path: { secret: "s" }, json: { value: letters(n) } }),
  ],
  [
    "segments of an artifact's path",
    253,
    (n, { client }) =>
      client.send("PUT", `/api/2.0/mlflow-artifacts/artifacts/${times(n, () => "x").join("/")}`, { body: "x" }),
  ],
];

const runToken =
  (input: (amount: number) => Input): Ask =>
  (n, { client, world }) =>
    callRest(client, "runs_token", { path: { runId: world.runId }, json: input(n) });

export const NUMBERS: readonly Limit[] = [
  ["results of a search of runs", 50_000, search((n) => ({ max_results: n }))],
  ["results of a search of experiments", 50_000, call("experiments_search", (n) => ({ max_results: n }))],
  ["results of a search of registered models", 1000, call("registered_models_search", (n) => ({ max_results: n }))],
  ["results of a search of versions", 200_000, call("model_versions_search", (n) => ({ max_results: n }))],
  [
    "days of a key",
    3650,
    (n, { client }) => callRest(client, "keys_create", { json: { name: "k", member: "namer", expiresInDays: n } }),
  ],
  ["seconds of a lease", 900, runToken((n) => ({ leaseSeconds: n }))],
  ["seconds of a run token", 30 * 24 * 3600, runToken((n) => ({ longestSeconds: n }))],
  ["events of a page", 1000, (n, { client }) => callRest(client, "events_list", { query: { pageSize: n } })],
];

/** A request to this path whose body has so many bytes. */
const bodyTo =
  (path: string, input: (world: World) => Input): Ask =>
  (bytes, { client, world }) =>
    client.send("POST", path, {
      body: JSON.stringify(input(world)).padEnd(bytes, " "),
      headers: { "content-type": "application/json" },
    });

/** A call that carries something which it does not know, in a body long enough to be judged by its shape. */
const carrying =
  (more: (amount: number) => string): Ask =>
  (n, { client, world }) =>
    client.send("POST", "/api/2.0/mlflow/runs/set-tag", {
      body: `{"run_id":"${world.runId}","key":"k","value":"v","more":${more(n)}}`.padEnd(65 * KIB, " "),
      headers: { "content-type": "application/json" },
    });

/** The object is a value, the list is one, and so is whatever follows a comma. */
const COUNTED_BESIDE = 4;

export const BODIES: readonly Limit[] = [
  [
    "bytes of a small call",
    2 * MIB,
    bodyTo("/api/2.0/mlflow/runs/set-tag", ({ runId }) => ({ run_id: runId, key: "k", value: "v" })),
  ],
  ["bytes of a batch", 16 * MIB, bodyTo("/api/2.0/mlflow/runs/log-batch", ({ runId }) => ({ run_id: runId }))],
  ["bytes of datasets", 32 * MIB, bodyTo("/api/2.0/mlflow/runs/log-inputs", ({ runId }) => ({ run_id: runId }))],
  ["levels of a body", 64, carrying((n) => "[".repeat(n - 1) + "]".repeat(n - 1))],
  ["values of a body", 100_000, carrying((n) => `[${times(n - COUNTED_BESIDE, () => 0).join(",")}]`)],
];
