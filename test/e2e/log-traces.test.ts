import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { INVOCATION_HEADER } from "../../functions/faults.ts";
import { connect } from "../http/support.ts";
import { type RunningServer, startServer } from "../setup/server.ts";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const headers = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` };
const WITHIN = { timeout: 10_000, interval: 20 };

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The log lines with this text in them. */
const linesWith = (server: RunningServer, text: string) =>
  server
    .output()
    .split("\n")
    .filter((line) => line.startsWith("{") && line.includes(text))
    .map((line) => JSON.parse(line) as Record<string, string>);

/** Files become folders, which cannot be read or removed as files are. */
function breakSecrets(folder: string): void {
  const secrets = join(folder, "secrets");
  for (const name of readdirSync(secrets)) {
    rmSync(join(secrets, name));
    mkdirSync(join(secrets, name));
  }
}

describe.for(["light", "strict"] as const)("log lines without telemetry, %s mode", (mode) => {
  test("what fails in a request and in the function that it wakes has the caller's trace, or one of its own", async () => {
    const server = await startServer({ mode });
    closing.push(() => server.stop());
    const client = connect(() => server.url);
    closing.push(() => client.close());
    const workspace = "/api/v1/workspaces/leaving";
    expect((await client.send("POST", "/api/v1/workspaces", { json: { name: "leaving" } })).status).toBe(201);
    expect((await client.send("PUT", `${workspace}/secrets/key`, { json: { value: "of the team" } })).status).toBe(200);
    breakSecrets(server.folder);

    const read = await client.send("GET", `${workspace}/secrets/key/value`, { headers });
    const without = await client.send("GET", `${workspace}/secrets/key/value`);
    expect([read.status, without.status]).toEqual([500, 500]);
    expect((await client.send("DELETE", workspace, { headers })).status).toBe(202);
    const traceOf = (text: unknown) => expect.poll(() => linesWith(server, String(text))[0]?.traceId, WITHIN);
    await traceOf(read.headers[INVOCATION_HEADER]).toBe(TRACE_ID);
    await traceOf('"functionName":"purge"').toBe(TRACE_ID);
    await traceOf(without.headers[INVOCATION_HEADER]).toMatch(/^[\da-f]{32}$/);
    await traceOf(without.headers[INVOCATION_HEADER]).not.toBe(TRACE_ID);
  });
});
