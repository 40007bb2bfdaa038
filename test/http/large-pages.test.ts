import { beforeAll, describe, expect, test } from "vitest";
import { openWorkspace } from "../../shared/domain/workspaces.ts";
import { useInProcess } from "./in-process.ts";
import { type Input, ok } from "./support.ts";
import { TIME_MS } from "./world.ts";

/*
 * A page ends after some MB, whatever was asked for: clients follow its token. What one run shows is bounded too.
 */

const MIB = 1024 * 1024;
const PAGE = 8 * MIB;
const COUNT = 20;
const app = useInProcess();

const tags = (count: number, length: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({ key: `k${from + i}`, value: "x".repeat(length) }));

let experimentId: string;
beforeAll(async () => {
  experimentId = (await ok(app.client.call("experiments_create", { name: "large" }))).experiment_id;
});

/** All names or ids of a search, by following its tokens; fails where a page is larger than it may be. */
async function walk(name: string, input: Input, list: string, idOf: (one: Input) => unknown) {
  const found: unknown[] = [];
  let pages = 0;
  for (let token: string | undefined = ""; token !== undefined; pages++) {
    const answer = await app.client.call(name, { ...input, ...(token && { page_token: token }) });
    expect(answer.status).toBe(200);
    const entries: Input[] = answer.json[list] ?? [];
    expect(entries.length).toBeGreaterThan(0);
    expect(answer.bytes.length).toBeLessThan(PAGE + 1000);
    found.push(...entries.map(idOf));
    token = answer.json.next_page_token;
  }
  expect(pages).toBeGreaterThanOrEqual(Math.floor((COUNT * MIB) / PAGE));
  expect(pages).toBeLessThan(COUNT / 2);
  return found;
}

describe("pages of", () => {
  test("runs", async () => {
    const ids: unknown[] = [];
    for (let i = 0; i < COUNT; i++) {
      const { run } = await ok(app.client.call("runs_create", { experiment_id: experimentId, tags: tags(140, 8000) }));
      ids.push(run.info.run_id);
    }
    const idOf = ({ info }: Input) => (info as Input).run_id;
    for (const order_by of [["start_time ASC"], ["tags.k1 DESC"], []]) {
      const found = await walk(
        "runs_search",
        { experiment_ids: [experimentId], max_results: 50_000, order_by },
        "runs",
        idOf,
      );
      expect([...found].sort()).toEqual([...ids].sort());
    }
  });

  test("experiments", async () => {
    for (let i = 0; i < COUNT; i++)
      await ok(app.client.call("experiments_create", { name: `e${i}`, tags: tags(60, 19_000) }));
    const input = { max_results: 1000, filter: "name LIKE 'e%'", order_by: ["name"] };
    const found = await walk("experiments_search", input, "experiments", ({ name }) => name);
    expect(found).toEqual(Array.from({ length: COUNT }, (_, i) => `e${i}`).sort());
  });

  test("registered models, and of versions", async () => {
    await ok(app.client.call("registered_models_create", { name: "versioned" }));
    for (let i = 0; i < COUNT; i++) {
      await ok(app.client.call("registered_models_create", { name: `m${i}`, tags: tags(11, 99_000) }));
      const source = { name: "versioned", source: "s3://bucket/model" };
      await ok(app.client.call("model_versions_create", { ...source, tags: tags(11, 99_000) }));
    }
    const models = await walk(
      "registered_models_search",
      { filter: "name LIKE 'm%'", max_results: 1000 },
      "registered_models",
      ({ name }) => name,
    );
    expect(models).toEqual(Array.from({ length: COUNT }, (_, i) => `m${i}`).sort());
    const versions = await walk(
      "model_versions_search",
      { filter: "name = 'versioned'" },
      "model_versions",
      ({ version }) => Number(version),
    );
    expect([...versions].sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: COUNT }, (_, i) => i + 1));
  });

  test("logged models", async () => {
    for (let i = 0; i < COUNT; i++) {
      await ok(
        app.client.call("logged_models_create", { experiment_id: experimentId, name: `m${i}`, tags: tags(140, 8000) }),
      );
    }
    const input = { experiment_ids: [experimentId], max_results: 1000, order_by: [{ field_name: "name" }] };
    const found = await walk("logged_models_search", input, "models", ({ info }) => (info as Input).name);
    expect(found).toEqual(Array.from({ length: COUNT }, (_, i) => `m${i}`).sort());
  });
});

test("pages of a metric's history end before 8 MiB, and go on behind the last point", async () => {
  const { run } = await ok(app.client.call("runs_create", { experiment_id: experimentId }));
  const run_id = run.info.run_id;
  const key = "é".repeat(250);
  const perCall = 1000;
  for (let call = 0; call < 20; call++) {
    const metrics = Array.from({ length: perCall }, (_, i) => ({
      key,
      value: i,
      timestamp: TIME_MS,
      step: call * perCall + i,
    }));
    await ok(app.client.call("runs_log_batch", { run_id, metrics }));
  }
  const steps: unknown[] = [];
  let pages = 0;
  for (let token: string | undefined = ""; token !== undefined; pages++) {
    const input: Input = { run_id, metric_key: key, max_results: 1_000_000, ...(token && { page_token: token }) };
    const answer = await app.client.call("metrics_get_history", input);
    expect(answer.bytes.length).toBeLessThan(PAGE + 20 * perCall + 1000);
    steps.push(...answer.json.metrics.map(({ step }: Input) => step));
    token = answer.json.next_page_token;
  }
  expect(pages).toBe(2);
  expect(steps).toEqual(Array.from({ length: 20 * perCall }, (_, i) => i));
});

test("a folder of thousands of files is listed whole, in pieces", async () => {
  const { id } = await openWorkspace(app.realm, "default");
  const names = Array.from({ length: 5001 }, (_, i) => `file-${String(i).padStart(5, "0")}`);
  for (const name of names) await app.realm.stores.blobs.put(`artifacts/${id}/wide/${name}`, new Uint8Array());
  const { files } = await ok(app.client.call("artifacts_list", { path: "wide" }));
  expect(files).toEqual(names.map((path) => ({ path, is_dir: false, file_size: 0 })));
});

test("a logged model shows all of its thousands of values", async () => {
  const { run } = await ok(app.client.call("runs_create", { experiment_id: experimentId }));
  const { model } = await ok(app.client.call("logged_models_create", { experiment_id: experimentId, name: "[odd]" }));
  const { model_id } = model.info;
  for (let call = 0; call < 6; call++) {
    const point = { key: "m", value: 1, timestamp: TIME_MS, model_id };
    const metrics = Array.from({ length: 1000 }, (_, i) => ({ ...point, step: call * 1000 + i }));
    await ok(app.client.call("runs_log_batch", { run_id: run.info.run_id, metrics }));
  }
  const shown = (await ok(app.client.call("logged_models_get", {}, { model_id }))).model;
  expect(shown.info.name).toBe("[odd]");
  expect(shown.data.metrics.map(({ step }: Input) => step)).toEqual(Array.from({ length: 6000 }, (_, i) => i));
});

describe("a run with 4 MiB of tags and params", () => {
  let runId: string;
  beforeAll(async () => {
    runId = (await ok(app.client.call("runs_create", { experiment_id: experimentId }))).run.info.run_id;
    for (let i = 0; i < 5; i++) {
      await ok(app.client.call("runs_log_batch", { run_id: runId, tags: tags(100, 8000, i * 100) }));
    }
    await ok(app.client.call("runs_log_batch", { run_id: runId, params: tags(32, 6000) }));
  });

  const full = /may have 4194304 bytes together; these would have 4[0-9]{6}\. Log large values as artifacts/;
  const data = async () => (await ok(app.client.call("runs_get", { run_id: runId }))).run.data;

  test.each<[string, () => Input]>([
    ["runs_set_tag", () => ({ run_id: runId, key: "more", value: "x".repeat(8000) })],
    ["runs_log_parameter", () => ({ run_id: runId, key: "more", value: "x".repeat(6000) })],
    [
      "runs_log_batch",
      () => ({
        run_id: runId,
        metrics: [{ key: "m", value: 1, timestamp: TIME_MS }],
        params: [{ key: "more", value: "é".repeat(3000) }],
      }),
    ],
    ["runs_update", () => ({ run_id: runId, run_name: "x".repeat(8000) })],
  ])("takes no more by %s, which says what to do, and writes nothing", async (name, input) => {
    const before = [await data(), app.writes()];
    const { status, json } = await app.client.call(name, input());
    expect([status, json.error_code]).toEqual([413, "INVALID_PARAMETER_VALUE"]);
    expect(json.message).toMatch(full);
    expect([await data(), app.writes()]).toEqual(before);
  });

  test("takes metrics, shorter values, and more once something was deleted", async () => {
    const metric = { run_id: runId, key: "m", value: 1, timestamp: TIME_MS };
    await ok(app.client.call("runs_log_metric", metric));
    await ok(app.client.call("runs_set_tag", { run_id: runId, key: "k0", value: "short" }));
    await ok(app.client.call("runs_delete_tag", { run_id: runId, key: "k1" }));
    await ok(app.client.call("runs_set_tag", { run_id: runId, key: "more", value: "x".repeat(8000) }));
  });

  test("holds datasets up to a limit of their own, and logged models", async () => {
    const dataset = (i: number, length: number) => ({
      dataset: { name: `d${i}`, digest: "1", source_type: "s", source: "s", profile: "p".repeat(length) },
    });
    const log = (input: Input) => app.client.call("runs_log_inputs", { run_id: runId, ...input });
    for (let i = 0; i < 2; i++) await ok(log({ datasets: [dataset(i, 11 * MIB)] }));
    const before = app.writes();
    const tooLarge = await log({ datasets: [dataset(2, 100), dataset(3, 3 * MIB)] });
    expect([tooLarge.status, tooLarge.json.message]).toEqual([413, expect.stringMatching(/datasets.* 25165824 bytes/)]);
    const models = Array.from({ length: 30_000 }, (_, i) => ({ model_id: `m-${String(i).padStart(32, "0")}` }));
    const tooMany = await log({ models });
    expect([tooMany.status, tooMany.json.message]).toEqual([
      413,
      expect.stringMatching(/logged models.* 1048576 bytes/),
    ]);
    expect(app.writes()).toBe(before);
    await ok(log({ datasets: [dataset(2, 100)], models: models.slice(0, 100) }));
  });

  test("is as large as one may begin", async () => {
    const input = { experiment_id: experimentId, tags: tags(600, 8000) };
    for (const [name, more] of [
      ["runs_create", {}],
      ["logged_models_create", { name: "m" }],
    ] as const) {
      const before = app.writes();
      const { status, json } = await app.client.call(name, { ...input, ...more });
      expect([status, json.message]).toEqual([413, expect.stringMatching(full)]);
      expect(app.writes()).toBe(before);
    }
  });
});
