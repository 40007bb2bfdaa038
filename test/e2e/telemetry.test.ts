import { rename } from "node:fs/promises";
import { afterEach, describe, expect, test } from "vitest";
import { loadRegistrations } from "../../host/functions-core.ts";
import { type Client, connect, ok } from "../http/support.ts";
import { createRun, createWorld, filesBelow, TIME_MS } from "../http/world.ts";
import { AZURE_STORES, startAzureStores } from "../setup/azure-stores.ts";
import { type Envelope, type Ingestion, startIngestion } from "../setup/ingestion.ts";
import { PLANTED, requireNoSecret } from "../setup/secrets.ts";
import { type RunningServer, type ServerOptions, startServer } from "../setup/server.ts";

const GONE_WITHIN = { timeout: 20_000, interval: 50 };
const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const CALLER = `00-${TRACE_ID}-b7ad6b7169203331-01`;

interface Reporting {
  readonly ingestion: Ingestion;
  readonly server: RunningServer;
  readonly client: Client;
  /** Ends the app, which sends what is left; so all is there. */
  finish(): Promise<void>;
}

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function startReporting(options: ServerOptions): Promise<Reporting> {
  const ingestion = await startIngestion();
  closing.push(() => ingestion.close());
  const server = await startServer({ ...options, env: { ...options.env, ...ingestion.env } });
  let stopping: Promise<void> | undefined;
  const finish = () => {
    stopping ??= server.stop();
    return stopping;
  };
  closing.push(finish);
  const client = connect(() => server.url);
  closing.push(() => client.close());
  return { ingestion, server, client, finish };
}

const operationId = ({ tags }: Envelope) => tags["ai.operation.id"];
const named = (envelopes: Envelope[], name: string) =>
  envelopes.filter(({ data }) => String(data.baseData.name).endsWith(name));

/** The sum of what was counted or measured under a name, with these labels. */
function total(ingestion: Ingestion, name: string, labels: Record<string, string> = {}): number {
  const points = ingestion.envelopes("MetricData").flatMap(({ data: { baseData } }) => {
    const fits = Object.entries(labels).every(([key, value]) => baseData.properties[key] === value);
    return fits ? baseData.metrics : [];
  });
  return points.filter((it) => it.name === name).reduce((sum, it) => sum + it.value, 0);
}

/** A run that logs 3 points, fails, and is purged; by a caller with a trace of its own. */
async function logAndPurge(client: Client): Promise<void> {
  const { experimentId } = await createWorld(client);
  const runId = await createRun(client, experimentId);
  const metrics = [0, 1, 2].map((step) => ({ key: "loss", value: step, timestamp: TIME_MS, step }));
  await ok(client.call("runs_log_batch", { run_id: runId, metrics }));
  await client.call("runs_log_parameter", { run_id: runId, key: `bad\u0000${PLANTED.apiKey}`, value: PLANTED.jwt });
  await ok(client.call("runs_update", { run_id: runId, status: "FAILED" }));
  const folder = `experiments/${experimentId}/${runId}/artifacts`;
  await ok(client.send("PUT", `/api/2.0/mlflow-artifacts/artifacts/${folder}/file.txt`, { body: "text" }));
  await ok(client.call("runs_delete", { run_id: runId }));
  const headers = { traceparent: CALLER };
  expect((await client.send("DELETE", `/api/v1/workspaces/default/runs/${runId}`, { headers })).status).toBe(202);
  await expect.poll(() => filesBelow(client, folder), GONE_WITHIN).toEqual([]);
}

function expectOneTrace(ingestion: Ingestion): void {
  const requests = ingestion.envelopes("RequestData");
  const [purge] = named(requests, "runs_purge");
  expect(purge).toMatchObject({
    tags: { "ai.operation.id": TRACE_ID, "ai.operation.parentId": "b7ad6b7169203331" },
    data: { baseData: { responseCode: "202", success: true } },
  });
  const sent = named(ingestion.envelopes("RemoteDependencyData"), "send purge").filter(
    (it) => operationId(it) === TRACE_ID,
  );
  expect(sent[0]!.tags["ai.operation.parentId"]).toBe(purge!.data.baseData.id);
  const woken = named(requests, "purge").filter((it) => it !== purge && operationId(it) === TRACE_ID);
  expect(woken.map(({ tags }) => tags["ai.operation.parentId"])).toContain(sent[0]!.data.baseData.id);
}

describe("telemetry to Application Insights", () => {
  for (const mode of ["light", "strict"] as const) {
    test(`${mode} mode: a request and the function that its message wakes are one trace; the work is counted`, async () => {
      const { ingestion, client, finish } = await startReporting({ mode });
      await logAndPurge(client);
      await finish();

      expectOneTrace(ingestion);
      expect(total(ingestion, "cairn.runs", { state: "FAILED" })).toBe(1);
      expect(total(ingestion, "cairn.runs", { state: "RUNNING" })).toBeGreaterThanOrEqual(2);
      expect(total(ingestion, "cairn.metric_points")).toBeGreaterThanOrEqual(3);
      const ages = ingestion.envelopes("MetricData").flatMap(({ data }) => data.baseData.metrics);
      expect(ages.find((it) => it.name === "cairn.queue.age")).toMatchObject({ count: expect.any(Number) });
      const { baseData } = named(ingestion.envelopes("RequestData"), "runs_log_parameter")[0]!.data;
      expect(baseData).toMatchObject({ responseCode: "400", success: false });
      requireNoSecret("what was sent to Application Insights", ingestion.text());
    });
  }

  test.skipIf(!AZURE_STORES.available)(
    `on Cosmos DB and Azure Storage: the same, with the request units of operations${AZURE_STORES.note}`,
    async () => {
      const stores = await startAzureStores();
      closing.push(() => stores.close());
      const { ingestion, client, finish } = await startReporting({ mode: "strict", env: stores.env });
      await logAndPurge(client);
      await finish();

      expectOneTrace(ingestion);
      for (const operation of ["read", "create", "query"]) {
        expect(total(ingestion, "cairn.cosmos.request_charge", { operation })).toBeGreaterThan(0);
      }
      const { properties } = named(ingestion.envelopes("RequestData"), "runs_log_batch")[0]!.data.baseData;
      expect(Number(properties["cairn.request_charge"])).toBeGreaterThan(0);
      requireNoSecret("what was sent to Application Insights", ingestion.text());
    },
  );

  test("as Azure's host reports requests and messages itself, the app's operations are parts of them", async () => {
    const env = { AZURE_FUNCTIONS_ENVIRONMENT: "Staging" };
    const { ingestion, client, finish } = await startReporting({ mode: "strict", env });
    await logAndPurge(client);
    await finish();

    expect(ingestion.envelopes("RequestData")).toEqual([]);
    const parts = ingestion.envelopes("RemoteDependencyData").filter((it) => operationId(it) === TRACE_ID);
    expect(parts.map(({ data }) => data.baseData.name)).toEqual(
      expect.arrayContaining(["runs_purge", "send purge", "purge"]),
    );
  });

  test("when nobody takes telemetry, requests are answered and the app ends all the same", async () => {
    const ingestion = await startIngestion();
    ingestion.close();
    const server = await startServer({ mode: "strict", env: ingestion.env });
    closing.push(() => server.stop());
    const client = connect(() => server.url);
    closing.push(() => client.close());
    expect(await createWorld(client)).toHaveProperty("runId");
  });

  test("without a connection string nothing is hooked in", async () => {
    const { hooks } = await loadRegistrations(
      () => import("../../functions/index.ts"),
      () => {},
    );
    expect([hooks.preInvocation.length, hooks.postInvocation.length, hooks.log.length]).toEqual([0, 0, 0]);
  });

  test("a function that fails is an exception in its operation", async () => {
    const { ingestion, server, client, finish } = await startReporting({ mode: "light" });
    const { experimentId } = await createWorld(client);
    await rename(`${server.folder}/blobs`, `${server.folder}/elsewhere`);
    const { id: workspaceId } = (await client.send("GET", "/api/v1/workspaces/default")).json;
    const input = JSON.stringify({ workspaceId, experimentId, trace: { parent: CALLER, dueMs: 0 } });
    const started = await client.send("POST", "/admin/functions/search-snapshot", { body: JSON.stringify({ input }) });
    expect(started.status).toBe(202);
    await expect.poll(() => server.output(), GONE_WITHIN).toContain(TRACE_ID);
    await finish();

    const [failed] = named(ingestion.envelopes("RequestData"), "search-snapshot");
    expect(failed).toMatchObject({ tags: { "ai.operation.id": TRACE_ID }, data: { baseData: { success: false } } });
    const [exception] = ingestion.envelopes("ExceptionData");
    expect(exception!.tags).toMatchObject({
      "ai.operation.id": TRACE_ID,
      "ai.operation.parentId": failed!.data.baseData.id,
    });
  });

  test("a message that can never succeed is put aside, and logged without what looks like a credential", async () => {
    const { ingestion, client, finish } = await startReporting({ mode: "light" });
    const vendorKey = "sk-of-somebody-else-0123456789abcdef";
    const experimentId = `${vendorKey}\ud800`;
    const input = JSON.stringify({ workspaceId: "w1", experimentId, trace: { parent: CALLER, dueMs: 0 } });
    const started = await client.send("POST", "/admin/functions/search-snapshot", { body: JSON.stringify({ input }) });
    expect(started.status).toBe(202);
    await finish();

    const logged = ingestion.envelopes("MessageData").filter((envelope) => operationId(envelope) === TRACE_ID);
    expect(JSON.stringify(logged.map(({ data }) => data))).toMatch(
      /'experimentId' of a message .* is an id, not .*\[hidden\]/,
    );
    expect(ingestion.text()).not.toContain(vendorKey);
  });

  test("what fails is logged with the ids of its operation, and its answer names the invocation", async () => {
    const { ingestion, server, client, finish } = await startReporting({ mode: "light" });
    const { experimentId } = await createWorld(client);
    const runId = await createRun(client, experimentId);
    const folder = `experiments/${experimentId}/${runId}/artifacts`;
    await rename(`${server.folder}/blobs`, `${server.folder}/elsewhere`);
    const headers = { traceparent: CALLER };
    const failed = await client.send("PUT", `/api/2.0/mlflow-artifacts/artifacts/${folder}/file.txt`, {
      body: "text",
      headers,
    });
    await rename(`${server.folder}/elsewhere`, `${server.folder}/blobs`);
    expect(failed.status).toBe(500);
    const line = server
      .output()
      .split("\n")
      .find((it) => it.includes(TRACE_ID));
    await finish();

    const invocationId = failed.headers["x-cairn-invocation-id"];
    expect(JSON.parse(line!)).toMatchObject({ level: "error", traceId: TRACE_ID, invocationId });
    const uploads = named(ingestion.envelopes("RequestData"), "artifacts_upload");
    const request = uploads.find((it) => operationId(it) === TRACE_ID);
    expect(request!.data.baseData.properties["faas.invocation_id"]).toBe(invocationId);
    const [message] = ingestion.envelopes("MessageData");
    expect(message!.tags).toMatchObject({
      "ai.operation.id": TRACE_ID,
      "ai.operation.parentId": request!.data.baseData.id,
    });
    expect(JSON.parse(line!).spanId).toBe(request!.data.baseData.id);
  });
});
