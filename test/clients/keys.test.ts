import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Client, connect, ok } from "../http/support.ts";
import { callRest } from "../http/valid-rest.ts";
import { createRun } from "../http/world.ts";
import { clientEnvironment, pythonWithMlflow } from "../setup/python.ts";
import { type RunningServer, startServer } from "../setup/server.ts";

const run = promisify(execFile);
const script = (name: string) => join(import.meta.dirname, name);
const LIMIT_MS = 120_000;
const TEAM = { workspace: "team-a" };

for (const version of ["3", "2"] as const) {
  const python = pythonWithMlflow(version);
  describe.skipIf(!python)(`MLflow ${version}.x client and keys`, () => {
    let server: RunningServer;
    let home: string;
    let admin: Client;

    beforeAll(async () => {
      home = await mkdtemp(join(tmpdir(), "cairn-keys-"));
      server = await startServer({ mode: "light", args: ["--auth"] });
      const [ownerKey] = /cairn_key_\w+/.exec(server.output())!;
      admin = connect(server.url).under("", { authorization: `Bearer ${ownerKey}` });
      await ok(callRest(admin, "workspaces_create", { json: { name: TEAM.workspace } }));
    });

    afterAll(async () => {
      admin?.close();
      await server?.stop();
      await rm(home, { recursive: true, force: true });
    });

    async function keyOf(role: string): Promise<string> {
      await ok(callRest(admin, "members_put", { path: { ...TEAM, member: role }, json: { role } }));
      const made = callRest(admin, "keys_create", { path: TEAM, json: { name: "training", member: role } });
      return (await ok(made)).secret;
    }

    /** What the script printed, run with these variables. */
    async function train(experiment: string, credentials: Record<string, string>) {
      return outcome([script("keys.py"), experiment], credentials);
    }

    async function outcome(args: string[], more: Record<string, string>) {
      const env = { ...clientEnvironment(`${server.url}/w/${TEAM.workspace}`, home), ...more };
      const { stdout } = await run(python!, args, { cwd: home, env });
      return JSON.parse(stdout.trim().split("\n").at(-1)!);
    }

    test("logs with a key as token, and as password", { timeout: LIMIT_MS }, async () => {
      const key = await keyOf("contributor");
      const logged = { loss: 0.5, status: "FINISHED", notes: "kept" };
      expect(await train("by token", { MLFLOW_TRACKING_TOKEN: key })).toEqual(logged);
      const password = { MLFLOW_TRACKING_USERNAME: "me", MLFLOW_TRACKING_PASSWORD: key };
      expect(await train("by password", password)).toEqual(logged);
    });

    test("is refused without a key, and may not write with a reader's", { timeout: LIMIT_MS }, async () => {
      expect(await train("nobody's", {})).toMatchObject({ refused: "UNAUTHENTICATED" });
      const key = await keyOf("reader");
      expect(await train("Default", { MLFLOW_TRACKING_TOKEN: key })).toMatchObject({ refused: "PERMISSION_DENIED" });
    });

    test("a script with the token of its run logs, registers, goes on, and reaches no other", {
      timeout: LIMIT_MS,
    }, async () => {
      const inside = admin.under(`/w/${TEAM.workspace}`);
      const [runId, other] = [await createRun(inside, "0"), await createRun(inside, "0")];
      const { token } = await ok(callRest(admin, "runs_token", { path: { ...TEAM, runId }, json: {} }));
      const env = { MLFLOW_TRACKING_TOKEN: token, MLFLOW_RUN_ID: runId, OTHER_RUN: other };
      expect(await outcome([script("run_token.py")], env)).toEqual({
        run: runId,
        status: "FINISHED",
        loss: 0.5,
        children: 2,
        version: 1,
        refused: [true, true, true, true, true],
      });
    });
  });
}
