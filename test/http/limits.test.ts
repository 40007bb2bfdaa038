import { connect, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { served } from "./served.ts";
import { type Answer, connect as connectClient, type Input } from "./support.ts";
import { TIME_MS } from "./world.ts";

/*
 * Each limit has an answer of its own that says what it is. Those of single fields (lengths, pages, filters) stand in the suites of their operations.
 */

const MIB = 1024 * 1024;
const JSON_TYPE = { "content-type": "application/json" };
const LOG = "/api/2.0/mlflow/runs/log-batch";

const { server, client, world, describe: describeServed } = served(["light"]);

describeServed("limits", () => {
  const many = (count: number, make: (i: number) => Input) => Array.from({ length: count }, (_, i) => make(i));
  const pair = (i: number) => ({ key: `k${i}`, value: "v" });

  test.each<[title: string, input: Input, message: RegExp]>([
    ["1,001 metrics", { metrics: many(1001, (i) => ({ key: `m${i}`, value: 1, timestamp: TIME_MS })) }, /1000/],
    ["101 params", { params: many(101, pair) }, /100/],
    ["101 tags", { tags: many(101, pair) }, /100/],
    [
      "a thousand together, and one",
      { metrics: many(950, (i) => ({ key: `m${i}`, value: 1, timestamp: TIME_MS })), params: many(51, pair) },
      /1000/,
    ],
  ])("a batch of %s is refused with the number that is allowed", async (_, input, message) => {
    const { status, json } = await client.call("runs_log_batch", { run_id: world.runId, ...input });
    expect([status, json.error_code]).toEqual([400, "INVALID_PARAMETER_VALUE"]);
    expect(json.message).toMatch(message);
  });

  test.each(["/api/2.0/mlflow/runs/set-tag", "/api/v1/workspaces"])(
    "33 MB of JSON for %s: 413, with the limit",
    async (path) => {
      const { status, json } = await client.send("POST", path, {
        body: Buffer.alloc(33 * MIB, " "),
        headers: JSON_TYPE,
      });
      expect(status).toBe(413);
      expect(json.message ?? json.detail).toContain("33554432");
    },
  );

  const expectBusy = ({ status, headers, json }: Answer, message: RegExp) => {
    expect([status, headers["retry-after"]]).toEqual([503, "1"]);
    expect(json.error_code ?? json.title).toMatch(/^(TEMPORARILY_UNAVAILABLE|Unavailable)$/);
    expect(json.message ?? json.detail).toMatch(message);
  };

  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  /** Sends the beginning of a request, and resolves when it has left. */
  async function begin(length: number, sent: Buffer): Promise<void> {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    sockets.push(socket);
    socket.on("error", () => {});
    const head = `POST ${LOG} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
    await new Promise<void>((resolve) => socket.write(Buffer.concat([Buffer.from(head), sent]), () => resolve()));
  }

  test("1,000 requests at once are enough: more are told to come again, in both dialects, and are served when others end", async () => {
    await Promise.all(Array.from({ length: 1000 }, () => begin(100, Buffer.from("{"))));
    const other = connectClient(server.url);
    await expect.poll(async () => (await other.call("runs_get", { run_id: world.runId })).status).toBe(503);
    expectBusy(await other.call("runs_get", { run_id: world.runId }), /busy with 1000 requests/);
    expectBusy(await other.send("GET", "/api/v1/workspaces"), /busy with 1000 requests/);
    expect((await other.send("GET", "/health")).status).toBe(200);
    for (const socket of sockets.splice(0)) socket.destroy();
    await expect.poll(async () => (await other.call("runs_get", { run_id: world.runId })).status).toBe(200);
    other.close();
  });

  test("128 MB of half-sent JSON are enough: more is told to come again", async () => {
    await Promise.all(Array.from({ length: 4 }, () => begin(32 * MIB, Buffer.alloc(31 * MIB, " "))));
    const body = Buffer.alloc(20 * MIB, " ");
    await expect
      .poll(async () => (await client.send("POST", LOG, { body, headers: JSON_TYPE })).status, { timeout: 15_000 })
      .toBe(503);
    expectBusy(await client.send("POST", LOG, { body, headers: JSON_TYPE }), /too many large request bodies/);
    expect((await client.call("runs_set_tag", { run_id: world.runId, key: "small", value: "v" })).status).toBe(200);
    for (const socket of sockets.splice(0)) socket.destroy();
    await expect.poll(async () => (await client.send("POST", LOG, { body, headers: JSON_TYPE })).status).toBe(400);
  });
});
