import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { faultyProxy } from "../drivers/support/azurite-proxy.ts";
import { connect, ok } from "../http/support.ts";
import { createRun } from "../http/world.ts";
import { AZURE_STORES, startAzureStores } from "../setup/azure-stores.ts";
import { clientEnvironment, pythonWithMlflow } from "../setup/python.ts";
import { startServer } from "../setup/server.ts";

const run = promisify(execFile);
const LIMIT_MS = 60_000;
const APPEND = /^POST \/dbs\/cairn\/colls\/runs\/docs/;
/** Longer than the app itself waits. */
const LATER = { "x-ms-retry-after-ms": "5500", "x-ms-substatus": "3200" };
const LOG = `import sys, mlflow; mlflow.MlflowClient().log_metric(sys.argv[1], "loss", 0.5, step=1)`;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

for (const version of ["3", "2"] as const) {
  const python = pythonWithMlflow(version);
  describe.skipIf(!python || !AZURE_STORES.available)(`MLflow ${version}.x client${AZURE_STORES.note}`, () => {
    test("log_metric: throttled by Cosmos DB, it comes again when it is told to, and the point is there once", {
      timeout: LIMIT_MS,
    }, async () => {
      const stores = await startAzureStores();
      closing.push(() => stores.close());
      const cosmos = await faultyProxy(stores.env.CAIRN_COSMOS_ENDPOINT!);
      closing.push(() => cosmos.close());
      const env = { ...stores.env, CAIRN_COSMOS_ENDPOINT: cosmos.url };
      const server = await startServer({ mode: "strict", env });
      closing.push(() => server.stop());
      const client = connect(server.url);
      closing.push(() => client.close());
      const home = await mkdtemp(join(tmpdir(), "cairn-throttled-"));
      closing.push(() => rm(home, { recursive: true, force: true }));
      const { experiment_id } = await ok(client.call("experiments_create", { name: "throttled" }));
      const runId = await createRun(client, experiment_id);

      cosmos.reset();
      cosmos.meet(APPEND, { status: 429, headers: LATER });
      await run(python!, ["-c", LOG, runId], { cwd: home, env: clientEnvironment(server.url, home) });

      expect(cosmos.requests.filter((line) => APPEND.test(line))).toHaveLength(2);
      const history = await ok(client.call("metrics_get_history", { run_id: runId, metric_key: "loss" }));
      expect(history.metrics).toMatchObject([{ value: 0.5, step: 1 }]);
      expect(server.output()).toContain("429 (too many requests)");
    });
  });
}
