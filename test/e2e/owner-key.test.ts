import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Client, connect } from "../http/support.ts";
import { type RunningServer, startServer } from "../setup/server.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const KEY = /cairn_key_w[0-9a-f]{16}_[0-9a-f]{64}/;

let folder: string;
let server: RunningServer | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cairn-auth-"));
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
  await rm(folder, { recursive: true, force: true });
});

/** Stops what runs, starts again on the same data. */
async function restart(
  ...args: string[]
): Promise<{ client: Client; as: (key: string) => Client; key: string | undefined }> {
  await server?.stop();
  server = await startServer({ mode: "light", folder, args });
  const client = connect(server.url);
  const as = (key: string) => client.under("", { authorization: `Bearer ${key}` });
  return { client, as, key: KEY.exec(server.output())?.[0] };
}

/** Starts on new data, and kills it some turns of the event loop after it has shown a key. */
async function keyOfKilledStart(data: string, turns: number): Promise<string> {
  const args = ["dist/host/main.js", "--port", "0", "--data", data, "--auth"];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  for await (const chunk of child.stdout) {
    printed += chunk;
    if (!KEY.test(printed)) continue;
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    child.kill("SIGKILL");
  }
  return KEY.exec(printed)![0];
}

const status = async (client: Client) => (await client.call("experiments_search", { max_results: 1 })).status;

describe("npm start -- --auth", () => {
  test("asks callers on this machine too; prints the owner's key once, and a new one when it was lost", async () => {
    const first = await restart("--auth");
    expect(server!.output()).toContain(`export MLFLOW_TRACKING_TOKEN=${first.key}`);
    expect(await status(first.client)).toBe(401);
    expect(await status(first.as(first.key!))).toBe(200);
    expect((await first.as(first.key!).call("workspaces_create", { name: "team-a" })).status).toBe(201);

    const second = await restart("--auth");
    expect(second.key).toBeUndefined();
    expect(await status(second.as(first.key!))).toBe(200);
    expect(await status(second.as(first.key!).under("/w/team-a"))).toBe(200);

    const third = await restart("--auth", "--new-owner-key");
    expect(third.key).toMatch(KEY);
    expect(await status(third.as(first.key!))).toBe(401);
    expect(await status(third.as(third.key!).under("/w/team-a"))).toBe(200);
  });

  test("killed as soon as the key is shown: that key works, or the next start shows one that does", async () => {
    for (let i = 0; i < 6; i++) {
      const data = await mkdtemp(join(folder, "killed-"));
      const shown = await keyOfKilledStart(data, i);
      server = await startServer({ mode: "light", folder: data, args: ["--auth"] });
      const client = connect(server.url);
      const next = KEY.exec(server.output())?.[0];
      const works = async (key: string) => (await status(client.under("", { authorization: `Bearer ${key}` }))) === 200;
      expect([await works(shown), next !== undefined && (await works(next))].sort()).toEqual([false, true]);
      client.close();
      await server.stop();
      server = undefined;
    }
  });

  test("without --auth this machine's user still needs nothing, and what was made with it stays", async () => {
    const guarded = await restart("--auth");
    await guarded.as(guarded.key!).call("experiments_create", { name: "kept" });
    const open = await restart();
    expect((await open.client.call("experiments_get_by_name", { experiment_name: "kept" })).status).toBe(200);
    expect(open.key).toBeUndefined();
  });
});
