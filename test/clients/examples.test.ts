import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ClientVersion, clientEnvironment, pythonWithMlflow } from "../setup/python.ts";
import { type RunningServer, startServer } from "../setup/server.ts";

const run = promisify(execFile);
const EXAMPLES = join(import.meta.dirname, "..", "..", "examples");
const LIMIT_MS = 120_000;

const STORIES = [
  { name: "mlflow-sklearn", ends: /Registered diabetes-ridge version 1[\s\S]*111 equal predictions\s*$/ },
  { name: "training-loop", ends: /interrupted[\s\S]*360 points, each exactly once and in order\s*$/ },
];

for (const mode of ["light", "strict"] as const) {
  for (const version of ["3", "2"] as const) exampleSuite(mode, version);
}

function exampleSuite(mode: "light" | "strict", version: ClientVersion): void {
  const python = pythonWithMlflow(version);
  describe.skipIf(!python)(`examples, MLflow ${version}.x, ${mode} mode`, () => {
    let server: RunningServer;
    let home: string;

    beforeAll(async () => {
      home = await mkdtemp(join(tmpdir(), "cairn-example-"));
      server = await startServer({ mode });
    });

    afterAll(async () => {
      await server?.stop();
      await rm(home, { recursive: true, force: true });
    });

    for (const { name, ends } of STORIES) {
      test(`${name}: runs to its end, and reads back what it wrote`, { timeout: LIMIT_MS }, async () => {
        const env = clientEnvironment(server.url, home);
        const { stdout } = await run(python!, [join(EXAMPLES, name, "train.py")], { cwd: home, env });
        expect(stdout).toMatch(ends);
      });
    }
  });
}
