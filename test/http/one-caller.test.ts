import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { JSON_BYTES } from "../../shared/http/body.ts";
import type { RouteShape } from "../../shared/http/routes.ts";
import { mlflowRoutes } from "../../shared/mlflow/dialect.ts";
import { restRoutes } from "../../shared/rest/routes.ts";
import { type InProcess, openInProcess } from "./in-process.ts";
import { aboveOf, type Input, ok, queryOf, targetOf } from "./support.ts";
import { VALID } from "./valid-requests.ts";
import { VALID_REST } from "./valid-rest.ts";
import { WorkMeter } from "./work-meter.ts";
import { createWorld, TIME_MS, type World } from "./world.ts";

/*
 * One caller stops nobody. Each operation of both tables gets the dearest requests that its limits allow, beside a second caller, whose GET must come
 * back within a bound of work. A route that is new is in at once, with each of its fields stretched; what is dear about it in particular belongs into DEAR.
 */

/** Of looks at characters, cells and rows: the dearest search there may be, and half as much. */
const BOUND = 60_000_000;
const MEBIBYTE = 1024 * 1024;
/** What a head may have, less what stands around a query. */
const QUERY_BYTES = 60_000;
const RUNS = 300;

const meter = new WorkMeter();
afterAll(() => meter.restore());

let app: InProcess;
let world: World;
const experiments: string[] = [];
let bigRun: string;
let longRun: string;

beforeAll(async () => {
  app = openInProcess({ over: (stores) => meter.over(stores) });
  const { client } = app;
  world = await createWorld(client);
  const { experimentId } = world;
  for (let i = 0; i < RUNS; i++) {
    const tags = [{ key: "k", value: "a".repeat(7990) + i }];
    const { run } = await ok(client.call("runs_create", { experiment_id: experimentId, tags }));
    longRun = run.info.run_id;
    experiments.push((await ok(client.call("experiments_create", { name: `${"a".repeat(400)}${i}` }))).experiment_id);
  }
  for (let i = 0; i < 20; i++) {
    const input = { name: `m${i}`, tags: [{ key: "k", value: "a".repeat(95_000) }] };
    await ok(client.call("registered_models_create", input));
    const version = { ...input, name: world.registeredModel, source: "s3://bucket/model" };
    await ok(client.call("model_versions_create", version));
    await ok(
      client.call("logged_models_create", { experiment_id: experimentId, name: `m${i}`, tags: [pair("k", 7900)] }),
    );
  }
  bigRun = (
    await ok(client.call("runs_create", { experiment_id: experiments[0], tags: many(500, (i) => pair(`k${i}`, 8000)) }))
  ).run.info.run_id;
  for (let call = 0; call < 50; call++) {
    const points = { key: "loss", value: 1, model_id: world.modelId };
    const metrics = many(1000, (i) => ({ ...points, timestamp: TIME_MS + i, step: call * 1000 + i }));
    await ok(client.call("runs_log_batch", { run_id: longRun, metrics }));
  }
  for (let i = 0; i < 1000; i++)
    await ok(client.send("PUT", `/api/2.0/mlflow-artifacts/artifacts/wide/file-${i}`, { body: "x" }));
}, 120_000);
afterAll(() => app.close());

const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const pair = (key: string, length: number) => ({ key, value: "a".repeat(length) });

const dearFilters = (field: string, room: number): string[] => {
  const like = (pattern: string) => `${field} LIKE '%${pattern}b%'`;
  return [
    like("_".repeat(Math.min(room, 4000))),
    like(`a_${"a".repeat(1000)}`),
    like(`${"a".repeat(1000)}_`),
    like("a_".repeat(500)),
    like(`${"a".repeat(500)}c${"a".repeat(499)}`),
    many(190, () => `${field} ILIKE '%a%a%a%c%'`).join(" AND "),
    many(190, (i) => `${field} != 'x${i}'`).join(" AND "),
  ];
};
const unknownIds = many(9_990, (i) => String(i + 1));

type Dear = Readonly<
  Record<string, () => readonly (Input | { readonly path: Record<string, string>; readonly input?: Input })[]>
>;

/** What is dear about an operation in particular; inputs, or paths with inputs. */
const DEAR: Dear = {
  runs_search: () => [
    ...dearFilters("tags.k", 4000).map((filter) => ({ experiment_ids: [world.experimentId], filter })),
    { experiment_ids: [world.experimentId], filter: `run_id IN (${many(5000, (i) => `'${i}'`)})`, max_results: 50_000 },
    { experiment_ids: [world.experimentId], order_by: many(99, (i) => `metrics.m${i}`), max_results: 50_000 },
    { experiment_ids: [world.experimentId], order_by: ["tags.k"], max_results: 50_000 },
    { experiment_ids: unknownIds },
    { experiment_ids: experiments, run_view_type: "ALL", max_results: 50_000 },
    { experiment_ids: [world.experimentId], page_token: "A".repeat(MEBIBYTE) },
    { experiment_ids: many(80_000, String) },
  ],
  experiments_search: () =>
    dearFilters("name", 400).map((filter) => ({ filter, max_results: 1000, order_by: ["name"] })),
  experiments_search_get: () => dearFilters("name", 400).map((filter) => ({ filter, max_results: 1000 })),
  registered_models_search: () => dearFilters("tags.k", 4000).map((filter) => ({ filter, max_results: 1000 })),
  model_versions_search: () => dearFilters("tags.k", 4000).map((filter) => ({ filter })),
  logged_models_search: () => [
    ...dearFilters("tags.k", 4000).map((filter) => ({ experiment_ids: [world.experimentId], filter })),
    {
      experiment_ids: [world.experimentId],
      filter: many(190, () => "metrics.loss > 2").join(" AND "),
      datasets: many(1000, (i) => ({ dataset_name: `d${i}` })),
    },
    { experiment_ids: unknownIds, order_by: many(90, (i) => ({ field_name: `metrics.m${i}` })) },
  ],
  runs_get: () => [{ run_id: bigRun }, { run_id: longRun }],
  metrics_get_history: () => [
    { run_id: longRun, metric_key: "loss" },
    { run_id: longRun, metric_key: "loss", max_results: 1_000_000 },
  ],
  metrics_get_history_bulk_interval: () => [{ run_ids: [longRun, bigRun], metric_key: "loss", max_results: 2500 }],
  logged_models_get: () => [{ path: { model_id: world.modelId } }],
  artifacts_list: () => [{ path: "wide" }],
  graphql: () => [
    {
      query: `{ ${many(10, (i) => `a${i}: mlflowGetRun(input: { runId: "${bigRun}" }) { run { data { tags { key value } } } }`).join(" ")} }`,
    },
    ...[...dearFilters("tags.k", 4000), ""].map((filter) => ({
      query: `query($data: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $data) { runs {
        ${many(9, (i) => `a${i}: modelVersions { name source }`).join(" ")} data { tags { key value } } } nextPageToken } }`,
      variables: { data: { experimentIds: [world.experimentId, experiments[0]], filter, maxResults: 1000 } },
    })),
  ],
  experiments_search_datasets: () => [{ experiment_ids: [world.experimentId, ...unknownIds.slice(0, 15)] }],
  runs_create: () => [{ experiment_id: world.experimentId, tags: many(500, (i) => pair(`k${i}`, 8000)) }],
  runs_set_tag: () => [{ run_id: bigRun, key: "k0", value: "b" }],
  runs_log_batch: () => [
    {
      run_id: longRun,
      metrics: many(800, (i) => ({ key: `${"k".repeat(240)}${i}`, value: i, timestamp: TIME_MS, step: i })),
      params: many(100, (i) => pair(`p${i}`, 60_000)),
      tags: many(100, (i) => pair(`t${i}`, 80_000)),
    },
  ],
  runs_log_inputs: () => [
    {
      run_id: longRun,
      datasets: [
        { dataset: { name: "d", digest: "1", source_type: "s", source: "s", profile: "p".repeat(16 * MEBIBYTE - 1) } },
      ],
    },
  ],
  artifacts_multipart_create: () => [{ path: { path: "wide" }, input: { path: "big", num_parts: 10_000 } }],
  artifacts_multipart_complete: () => [
    {
      path: { path: "wide" },
      input: {
        path: "big",
        upload_id: "0".repeat(16),
        parts: many(10_000, (i) => ({ part_number: i + 1, url: "u".repeat(500) })),
      },
    },
  ],
};

interface Operation {
  readonly route: RouteShape;
  readonly api: string;
  readonly isQuery: boolean;
  valid(): { path?: Record<string, string>; input?: Input };
}

const OPERATIONS: Operation[] = [
  ...mlflowRoutes.map((route) => ({
    route,
    api: aboveOf(route),
    isQuery: route.method === "GET",
    valid: () => VALID[route.name]!(world),
  })),
  ...restRoutes.map((route) => ({
    route,
    api: "/api/v1/",
    isQuery: route.body === undefined,
    valid: () => {
      const { path, json, query } = VALID_REST[route.name]!(world);
      return { path: { workspace: "default", ...path }, input: json ?? query };
    },
  })),
];

/** A text that costs whoever looks at it again and again, and a list that is as long as its place allows. */
function stretched(value: unknown, room: number): unknown {
  if (typeof value === "string") return "eyJ%25_".repeat(room / 7);
  if (!Array.isArray(value)) return undefined;
  const one = value[0] ?? "1";
  return many(Math.min(95_000, Math.floor(room / (JSON.stringify(one).length + 20))), () => one);
}

/** The valid request, with one field after the other stretched. */
function stretchedInputs({ route, isQuery, valid }: Operation): Input[] {
  const room = isQuery ? QUERY_BYTES / 3 : (route.maxBodyBytes ?? JSON_BYTES) / 2;
  const { input = {} } = valid();
  return Object.entries(input).flatMap(([name, value]) => {
    const stretch = stretched(value, room);
    return stretch === undefined ? [] : [{ ...input, [name]: stretch }];
  });
}

/** In pieces, as a socket gives it. */
async function* pieces(text: string) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 65_536) {
    yield bytes.subarray(at, at + 65_536);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function send({ route, api, isQuery }: Operation, path: Record<string, string> = {}, input: Input = {}) {
  const target = targetOf(route, path, api);
  if (isQuery) {
    const query = queryOf(input);
    return app.client.send(route.method, query === "" ? target : `${target}?${query}`);
  }
  const headers = { "content-type": "application/json" };
  return app.client.send(route.method, target, { body: Readable.from(pieces(JSON.stringify(input))), headers });
}

/** The most work that anybody's GET had to wait for while the request was answered. */
async function longestWait(request: () => Promise<{ status: number }>): Promise<number> {
  let isAnswered = false;
  let longest = 0;
  const beside = async () => {
    do {
      const before = meter.total;
      expect((await app.client.call("experiments_get", { experiment_id: "0" })).status).toBe(200);
      longest = Math.max(longest, meter.total - before);
      await new Promise((resolve) => setImmediate(resolve));
    } while (!isAnswered);
  };
  const between = await meter.mostBetweenTurns(async () => {
    const asked = request().finally(() => {
      isAnswered = true;
    });
    await beside();
    const { status } = await asked;
    expect(status).not.toBe(500);
  });
  return Math.max(longest, between);
}

const dearOnes = (operation: Operation) => {
  const special = (operation.api !== "/api/v1/" ? (DEAR[operation.route.name]?.() ?? []) : []).map((dear) =>
    typeof dear.path === "object"
      ? (dear as { path: Record<string, string>; input?: Input })
      : { input: dear as Input },
  );
  const { path } = operation.valid();
  return [...special, ...stretchedInputs(operation).map((input) => ({ path, input }))].map((one) => ({ path, ...one }));
};

describe("beside the dearest requests of", () => {
  test.each(OPERATIONS)("$route.name, others are served", { timeout: 120_000 }, async (operation) => {
    for (const { path, input } of dearOnes(operation)) {
      const waited = await longestWait(() => send(operation, path, input));
      expect(waited, `${JSON.stringify(input ?? path).slice(0, 300)}`).toBeLessThan(BOUND);
    }
    expect(app.faults).toEqual([]);
  });
});
