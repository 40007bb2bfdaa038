import { connect, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { type HttpHandler, HttpRequest, type HttpResponseInit, InvocationContext } from "@azure/functions";
import { afterEach, describe, expect, test } from "vitest";
import { httpHandler } from "../../functions/context.ts";
import { machineClock, machineIds } from "../../shared/drivers/machine.ts";
import { Gate } from "../../shared/http/gate.ts";
import { answerMlflow } from "../../shared/mlflow/dialect.ts";
import { restDispatcher } from "../../shared/rest/dialect.ts";
import { restRoutes } from "../../shared/rest/routes.ts";
import { provideServices } from "../../shared/services.ts";
import { startServer } from "../setup/server.ts";
import { useInProcess } from "./in-process.ts";
import { served } from "./served.ts";
import { type Client, connect as connectTo, type Input, ok } from "./support.ts";
import { TIME_MS } from "./world.ts";

/*
 * Each limit has an answer of its own that says what it is. Those of single fields (lengths, pages, filters) stand in the suites of their operations.
 */

const MIB = 1024 * 1024;
const JSON_TYPE = { "content-type": "application/json" };
const PATIENT = { timeout: 15_000 };
/** Takes the largest bodies of all. */
const SEARCH = "/api/2.0/mlflow/runs/search";
const LOG = "/api/2.0/mlflow/runs/log-inputs";

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

  test.each([
    ["/api/2.0/mlflow/runs/set-tag", 2],
    ["/api/v1/workspaces", 2],
    ["/api/2.0/mlflow/runs/log-batch", 16],
    [LOG, 32],
  ])("JSON for %s of more than %i MiB: 413, with the limit", async (path, mebibytes) => {
    const { status, json } = await client.send("POST", path, {
      body: Buffer.alloc(mebibytes * MIB + 1, " "),
      headers: JSON_TYPE,
    });
    expect(status).toBe(413);
    expect(json.message ?? json.detail).toContain(String(mebibytes * MIB));
  });

  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  /** Sends the beginning of a request, and resolves when it has left. */
  async function begin(length: number, sent: Buffer, onAnswer: (text: string) => void = () => {}): Promise<void> {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    sockets.push(socket);
    socket.on("error", () => {}).on("data", (data) => onAnswer(data.toString()));
    const head = `POST ${LOG} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
    await new Promise<void>((resolve) => socket.write(Buffer.concat([Buffer.from(head), sent]), () => resolve()));
  }

  test("a client that leaves in the middle of its body is no fault of the server", async () => {
    const before = server.output();
    await begin(100, Buffer.from("{"));
    for (const socket of sockets.splice(0)) socket.destroy();
    expect((await client.call("runs_get", { run_id: world.runId })).status).toBe(200);
    expect(server.output()).toBe(before);
  });

  test("1,500 requests that wait for their clients' bodies keep nobody out", async () => {
    await Promise.all(Array.from({ length: 1500 }, () => begin(100, Buffer.from("{"))));
    // Connections that were idle before have made room for those, which their client may learn only as it sends.
    const newcomer = connectTo(server.url);
    for (let i = 0; i < 20; i++) {
      const answers = [newcomer.call("runs_get", { run_id: world.runId }), newcomer.send("GET", "/api/v1/workspaces")];
      for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    }
    newcomer.close();
  });

  test("128 MB of half-sent JSON are enough: more is told to come again", async () => {
    // Whoever sends what is too much is told, and gives back what was held of its body: of five one, whichever it is.
    const answers: string[] = [];
    for (let i = 0; i < 5; i++) {
      void begin(32 * MIB, Buffer.alloc(31 * MIB, " "), (text) => answers.push(text));
    }
    await expect.poll(() => answers.length, PATIENT).toBeGreaterThan(0);
    const [head, body] = answers[0]!.split("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1\.1 503 [\s\S]*\r\nretry-after: 1\r\n/i);
    expect(JSON.parse(body!)).toMatchObject({
      error_code: "TEMPORARILY_UNAVAILABLE",
      message: expect.stringContaining("too many large request bodies"),
    });
    const small = connectTo(server.url);
    expect((await small.call("runs_set_tag", { run_id: world.runId, key: "small", value: "v" })).status).toBe(200);
    for (const socket of sockets.splice(0)) socket.destroy();
    const sending = { body: Buffer.alloc(20 * MIB, " "), headers: JSON_TYPE };
    await expect.poll(async () => (await small.send("POST", LOG, sending)).status, PATIENT).toBe(400);
    small.close();
  });
});

describe("half-sent bodies of several callers", () => {
  test("one that fills all there is for them keeps nobody else out, and is told to come again itself", async () => {
    const server = await startServer({ mode: "light", args: ["--auth"] });
    const ownerKey = /cairn_key_w[0-9a-f]{16}_[0-9a-f]{64}/.exec(server.output())![0];
    const owner = connectTo(server.url).under("", { authorization: `Bearer ${ownerKey}` });
    const greedy: Socket[] = [];
    try {
      await ok(owner.send("PUT", "/api/v1/workspaces/default/members/greedy", { json: { role: "reader" } }));
      const made = await ok(
        owner.send("POST", "/api/v1/workspaces/default/keys", { json: { name: "k", member: "greedy" } }),
      );
      const reader = owner.under("", { authorization: `Bearer ${made.secret}` });
      const { hostname, port } = new URL(server.url);
      const half = Buffer.alloc(400_000, " ");
      for (let i = 0; i < 345; i++) {
        const socket = connect(Number(port), hostname).on("error", () => {});
        greedy.push(socket);
        const head = `POST ${SEARCH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${made.secret}\r\nContent-Type: application/json`;
        socket.write(`${head}\r\nContent-Length: 500000\r\n\r\n`);
        await new Promise<void>((resolve) => socket.write(half, () => resolve()));
      }
      const body = Buffer.from(`${" ".repeat(MIB)}{}`);
      const search = (client: Client) => client.send("POST", SEARCH, { body, headers: JSON_TYPE });
      await expect.poll(async () => (await search(reader)).status, PATIENT).toBe(503);
      expect((await search(owner)).status).toBe(200);
      expect((await search(reader)).json.message).toContain("bodies of yours");
    } finally {
      for (const socket of greedy) socket.destroy();
      owner.close();
      await server.stop();
    }
  });
});

describe("a gate", () => {
  const sleep = Promise.withResolvers<void>();
  /** Whether one more request of that caller may be worked on. */
  const isOpen = (gate: Gate, caller = "a") => gate.pass(async (passage) => passage.belongsTo(caller));
  const work = (gate: Gate, caller: string, until: Promise<unknown>) =>
    gate.pass((passage) => {
      passage.belongsTo(caller);
      return until;
    });

  test("is full with as many requests as it was made for, and open again when one has ended, however it did", async () => {
    const gate = new Gate(2);
    const fails = work(
      gate,
      "a",
      sleep.promise.then(() => Promise.reject(new Error("planted"))),
    );
    expect(await isOpen(gate)).toBe(true);
    const ends = work(gate, "a", sleep.promise);
    expect(await isOpen(gate)).toBe(false);
    sleep.resolve();
    await ends;
    await expect(fails).rejects.toThrow("planted");
    expect(await isOpen(gate)).toBe(true);
  });

  test("is full for who has filled it, and open for others", async () => {
    const gate = new Gate(2);
    const ending = Promise.withResolvers<void>();
    const works = Array.from({ length: 3 }, () => work(gate, "greedy", ending.promise));
    expect([await isOpen(gate, "greedy"), await isOpen(gate, "modest")]).toEqual([false, true]);
    ending.resolve();
    await Promise.all(works);
  });

  test("does not count who waits for a body, but who works on one", async () => {
    const gate = new Gate(1);
    const body = new PassThrough();
    const [got, worked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const passing = gate.pass(async (passage) => {
      passage.belongsTo("a");
      const chunks = passage.outside(body)[Symbol.asyncIterator]();
      await chunks.next();
      got.resolve();
      await worked.promise;
      await chunks.next();
    });
    expect(await isOpen(gate)).toBe(true);
    body.write("x");
    await got.promise;
    expect(await isOpen(gate)).toBe(false);
    worked.resolve();
    await expect.poll(() => isOpen(gate), PATIENT).toBe(true);
    body.end();
    await passing;
    expect(await isOpen(gate)).toBe(true);
  });
});

describe("a process that works on 1,000 requests", () => {
  const app = useInProcess();

  test("tells more of them to come again, in each dialect's shape, and serves again when others end", async () => {
    provideServices({
      ...app.realm.stores,
      clock: machineClock,
      ids: machineIds,
      loopbackUser: true,
      limitsBodies: false,
    });
    const sleep = Promise.withResolvers<void>();
    const sleeper = httpHandler(async ({ identify }, request) => {
      await identify(request);
      await sleep.promise;
      return { status: 204 };
    });
    const mlflow = httpHandler(({ services: { realm, events }, identify, logError }, request) =>
      answerMlflow({ realm, events, settings: { limitsBodies: false }, identify, logError }, request),
    );
    const rest = httpHandler(({ services: { realm, events }, identify, logError }, request) =>
      restDispatcher(restRoutes)({ realm, events, identify, logError }, request),
    );
    const call = async (handler: HttpHandler, path: string) => {
      const request = new HttpRequest({ method: "GET", url: `http://127.0.0.1${path}` });
      const invocation = new InvocationContext({ functionName: "limits" });
      return (await handler(request, invocation)) as HttpResponseInit;
    };
    const calls = () => [call(mlflow, "/api/2.0/mlflow/artifacts/list"), call(rest, "/api/v1/workspaces")];

    const sleeping = Array.from({ length: 1000 }, () => call(sleeper, "/"));
    await expect
      .poll(async () => (await Promise.all(calls())).map(({ status }) => status), PATIENT)
      .toEqual([503, 503]);
    const [inMlflow, inRest] = await Promise.all(calls());
    expect(inMlflow!.headers).toMatchObject({ "retry-after": "1" });
    expect(JSON.parse(String(inMlflow!.body))).toMatchObject({ error_code: "TEMPORARILY_UNAVAILABLE" });
    expect(inRest!.headers).toMatchObject({ "retry-after": "1" });
    expect(JSON.parse(String(inRest!.body))).toMatchObject({
      title: "Unavailable",
      detail: expect.stringMatching(/1000/),
    });
    sleep.resolve();
    await Promise.all(sleeping);
    expect((await Promise.all(calls())).map(({ status }) => status)).toEqual([400, 200]);
  });
});
