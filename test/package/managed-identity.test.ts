import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { until } from "../host/support.ts";
import { AZURE_STORES } from "../setup/azure-stores.ts";
import { clientEnvironment, pythonWithMlflow } from "../setup/python.ts";
import { CLIENT_ID, deploy, VAULT_RESOURCE } from "./deployment.ts";
import { createExperiment, ROOT, usePackage } from "./support.ts";

const run = promisify(execFile);
const python = pythonWithMlflow("3");
const EXAMPLE = join(ROOT, "examples", "mlflow-sklearn", "train.py");
const LIMIT_MS = 240_000;
const made = usePackage();

describe.skipIf(!AZURE_STORES.available)(`the package with a managed identity${AZURE_STORES.note}`, () => {
  test("reaches blobs, queues, the vault and Application Insights as the identity that AZURE_CLIENT_ID names, without any key", async () => {
    const { url, key, throughQueue, vault, ingestion, asked } = await deploy(made);
    const created = await createExperiment(url, "first", key);
    expect(created.status).toBe(200);
    const { experiment_id: experimentId } = (await created.json()) as { experiment_id: string };
    const artifact = `${url}/api/2.0/mlflow-artifacts/artifacts/experiments/${experimentId}/model.txt`;
    const headers = { authorization: `Bearer ${key}` };
    expect((await fetch(artifact, { method: "PUT", headers, body: "weights" })).status).toBe(200);
    expect(await (await fetch(artifact, { headers })).text()).toBe("weights");
    await throughQueue(experimentId);

    const secret = `${url}/api/v1/workspaces/default/secrets/storage-key`;
    const json = { ...headers, "content-type": "application/json" };
    const set = await fetch(secret, { method: "PUT", headers: json, body: JSON.stringify({ value: "of the team" }) });
    expect(set.status).toBe(200);
    expect(await (await fetch(`${secret}/value`, { headers })).json()).toEqual({ value: "of the team" });
    expect(vault.asked[0]).toMatch(/^PUT \/secrets\/ws-w[0-9a-f]{16}-[0-9a-f]{32}$/);

    await until(() => ingestion.envelopes("RequestData").length > 0);
    expect(ingestion.authorizations.filter((it) => !it?.startsWith("Bearer "))).toEqual([]);

    expect(asked.length).toBeGreaterThan(0);
    for (const { clientId } of asked) expect(clientId).toBe(CLIENT_ID);
    expect(new Set(asked.map(({ resource }) => resource))).toEqual(
      new Set(["https://storage.azure.com", VAULT_RESOURCE, "https://monitor.azure.com"]),
    );
  });

  test.skipIf(!python)(
    "MLflow's client trains, searches, registers and loads back",
    { timeout: LIMIT_MS },
    async () => {
      const { url, key, certificates } = await deploy(made);
      const env = { ...clientEnvironment(url, made.out), MLFLOW_TRACKING_TOKEN: key, REQUESTS_CA_BUNDLE: certificates };
      const { stdout } = await run(python!, [EXAMPLE], { cwd: made.out, env });
      expect(stdout).toMatch(/Registered diabetes-ridge version 1[\s\S]*111 equal predictions\s*$/);
    },
  );
});
