import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { AZURE_STORES, startAzureStores } from "../setup/azure-stores.ts";
import { clientEnvironment, pythonWithMlflow } from "../setup/python.ts";
import { startServer } from "../setup/server.ts";

const run = promisify(execFile);
const EXAMPLE = join(import.meta.dirname, "..", "..", "examples", "mlflow-sklearn", "train.py");
const LIMIT_MS = 240_000;

const python = pythonWithMlflow("3");
const title = `npm start on Cosmos DB and Azure Storage, MLflow 3.x${AZURE_STORES.note}`;

describe.skipIf(!python || !AZURE_STORES.available)(title, () => {
  test("mlflow-sklearn: trains, searches, registers and loads back", { timeout: LIMIT_MS }, async () => {
    const home = await mkdtemp(join(tmpdir(), "cairn-example-"));
    const stores = await startAzureStores();
    const server = await startServer({ mode: "light", env: stores.env });
    try {
      const { stdout } = await run(python!, [EXAMPLE], { cwd: home, env: clientEnvironment(server.url, home) });
      expect(stdout).toMatch(/Registered diabetes-ridge version 1[\s\S]*111 equal predictions\s*$/);
    } finally {
      await server.stop();
      await stores.close();
      await rm(home, { recursive: true, force: true });
    }
  });
});
