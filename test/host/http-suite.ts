import { Agent, request as httpRequest } from "node:http";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HostOptions } from "../../host/host.ts";
import type { seen as Seen } from "./apps/http-functions.ts";
import { ROWS } from "./http-rows.ts";
import { type Answer, send, startTestHost, type TestHost, until } from "./support.ts";

interface Suite {
  readonly title: string;
  readonly mode: HostOptions["mode"];
  readonly loadApp: () => Promise<{ readonly seen: typeof Seen }>;
  /** Why bodies without a length do not arrive. */
  readonly noChunkedUploads?: string;
  /** Why a function is not told that its client left. */
  readonly noSignOfLeaving?: string;
  /** Why answers are not bounded in memory. */
  readonly noBackpressure?: string;
  /** Why a connection is lost on which a function has stopped in the middle of a body. */
  readonly noHalfReadBodies?: string;
}

const MEGABYTE = 1024 * 1024;

/** What the Functions host does with HTTP requests, whichever way they go through the local one. */
export function describeHttp(suite: Suite): void {
  describe(suite.title, () => {
    let host: TestHost;
    let seen: typeof Seen;

    beforeAll(async () => {
      host = await startTestHost({ loadApp: suite.loadApp, mode: suite.mode });
      seen = (await suite.loadApp()).seen;
    });
    afterAll(() => host.close());

    test.for(ROWS)("http: $title", async (row) => {
      const answer = await send(host.url + row.path, { method: row.method, headers: row.headers, body: row.body });
      expect(answer.status).toBe(row.status);
      if (row.text !== undefined) expect(answer.text).toBe(row.text);
      if (row.json !== undefined) expect(JSON.parse(answer.text)).toEqual(row.json);
      expect(answer.headers).toMatchObject(row.answered ?? {});
    });

    describeMessages(() => host);
    describeStreams(suite, () => ({ host, seen }));
    describeFaults(suite, () => host);
  });
}

function describeMessages(current: () => TestHost): void {
  test("http: gives the function its method, address and headers", async () => {
    const { url } = current();
    const answer = await send(`${url}/mirror?a=1&a=2`, {
      method: "PATCH",
      headers: { "x-custom": "v", "content-length": "0" },
    });
    expect(JSON.parse(answer.text)).toMatchObject({
      method: "PATCH",
      path: "/mirror",
      origin: url,
      query: [
        ["a", "1"],
        ["a", "2"],
      ],
      custom: "v",
    });
  });

  test("http: headers that only the platform may set are not taken from outside", async () => {
    const headers = {
      "x-ms-client-principal": "forged",
      "x-ms-client-principal-id": "forged",
      "x-ms-invocation-id": "forged",
    };
    const answer = await send(`${current().url}/mirror`, { headers });
    const { principal, names } = JSON.parse(answer.text);
    expect(principal).toBeNull();
    expect(names.filter((name: string) => name.startsWith("x-ms-client-principal"))).toEqual([]);
  });

  test("http: bytes arrive and return unchanged, with their type", async () => {
    const body = Buffer.from(Array.from({ length: 4096 }, (_, index) => index % 256));
    const answer = await send(`${current().url}/echo`, { method: "PUT", headers: { "content-type": "image/x" }, body });
    expect(answer.body.equals(body)).toBe(true);
    expect(answer.headers["content-type"]).toBe("image/x");
    expect([...(await send(`${current().url}/answers/bytes`)).body]).toEqual([0, 255, 128, 10]);
  });

  test("http: 256 requests at once each get their own answer", async () => {
    const texts = Array.from({ length: 256 }, (_, index) => String(index));
    const answers = await Promise.all(texts.map((body) => send(`${current().url}/delayed`, { method: "POST", body })));
    expect(answers.map(({ text }) => text)).toEqual(texts.map((text) => `Hello, ${text}!`));
  });

  test("http: log calls become lines with the function's name and one invocation id", async () => {
    const { url, lines } = current();
    await send(`${url}/logs`);
    const logged = lines.filter(
      ({ functionName, level }) => functionName === "logs" && /information|warning/.test(level),
    );
    expect(logged).toMatchObject([
      { level: "information", message: "plain text" },
      { level: "warning", message: "careful" },
    ]);
    expect(new Set(logged.map(({ invocationId }) => invocationId)).size).toBe(1);
  });
}

function describeStreams(suite: Suite, current: () => { host: TestHost; seen: typeof Seen }): void {
  test("http: a body of 100 MB with a length arrives whole", async () => {
    const body = Buffer.alloc(100 * MEGABYTE, 7);
    const answer = await send(`${current().host.url}/upload`, { method: "POST", body });
    expect(answer.text).toBe(`${100 * MEGABYTE} bytes`);
  });

  unless(suite.noChunkedUploads)("http: a chunked body of 100 MB arrives whole", async () => {
    const before = process.memoryUsage().rss;
    const body = Readable.from(repeat(Buffer.alloc(MEGABYTE, 7), 100));
    const answer = await send(`${current().host.url}/upload`, { method: "POST", body });
    expect(answer.text).toBe(`${100 * MEGABYTE} bytes`);
    if (!suite.noBackpressure) expect(process.memoryUsage().rss - before).toBeLessThan(90 * MEGABYTE);
  });

  when(suite.noChunkedUploads)("http: a chunked body is dropped, as the Functions host does", async () => {
    const body = Readable.from(repeat(Buffer.alloc(1024, 7), 10));
    const answer = await send(`${current().host.url}/upload`, { method: "POST", body });
    expect(answer.text).toBe("0 bytes");
  });

  unless(suite.noChunkedUploads)("http: a function sees the first bytes before the last are sent", async () => {
    const { host, seen } = current();
    seen.firstUploadBytes = 0;
    const answered = Promise.withResolvers<number | undefined>();
    const request = httpRequest(`${host.url}/upload`, { method: "POST", agent: false }, (response) => {
      response.resume();
      answered.resolve(response.statusCode);
    });
    request.write("first");
    await until(() => seen.firstUploadBytes === 5);
    request.end("last");
    expect(await answered.promise).toBe(200);
  });

  test("http: an answer of 100 MB arrives whole", async () => {
    const answer = await send(`${current().host.url}/download?megabytes=100`);
    expect(answer.body.length).toBe(100 * MEGABYTE);
    expect(answer.body[99 * MEGABYTE]).toBe(99);
  });

  unless(suite.noSignOfLeaving)("http: a function's stream is freed when the client leaves", async () => {
    const { host, seen } = current();
    const freed = seen.downloadsFreed;
    await leaveAfterFirstBytes(`${host.url}/download?megabytes=10000`);
    await until(() => seen.downloadsFreed === freed + 1);
    expect((await send(`${host.url}/hello`)).status).toBe(200);
  });
}

function describeFaults(suite: Suite, current: () => TestHost): void {
  test("http: what a function throws is logged with its stack", async () => {
    const { url, lines } = current();
    await send(`${url}/answers/rejects`);
    const isLogged = () => lines.some(({ message }) => /rejected on purpose.*http-functions/s.test(message));
    await until(isLogged);
    expect(lines.find(({ message }) => message.includes("rejected on purpose"))?.level).toBe("error");
  });

  const halfRead = [
    ["throws in the middle of", 500],
    ["refuses in the middle of", 413],
  ] as const;
  test.each([
    ["ignores", 401],
    ["stops in, but drops the rest of", 413],
    ...(suite.noHalfReadBodies ? [] : halfRead),
  ] as const)("http: a function that %s a body is answered %i, and the connection goes on", async (how, status) => {
    const { url } = current();
    const kind = how.replace(/.* drops .*/, "drops").replace(/ .*/, "");
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (const body of [Buffer.alloc(5_000_000), Readable.from(repeat(Buffer.alloc(65_536), 50))]) {
      expect((await send(`${url}/partly-read/${kind}`, { method: "POST", agent, body })).status).toBe(status);
      expect((await send(`${url}/hello`, { agent })).status).toBe(200);
    }
    agent.destroy();
  });

  test("http: a client that leaves in the middle of its upload harms nobody", async () => {
    const { url } = current();
    const request = httpRequest(`${url}/upload`, {
      method: "POST",
      headers: { "content-length": "1000" },
      agent: false,
    });
    request.on("error", () => {});
    await new Promise((resolve) => request.write("half", resolve));
    request.destroy();
    const answer: Answer = await send(`${url}/hello`);
    expect(answer.status).toBe(200);
  });
}

type Define = (title: string, run: () => Promise<void>) => void;

/** What a mode cannot do by its nature is no test there; the suite's options say why. */
function unless(reason: string | undefined): Define {
  return reason === undefined ? test : () => {};
}

function when(reason: string | undefined): Define {
  return reason === undefined ? () => {} : test;
}

async function leaveAfterFirstBytes(url: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const request = httpRequest(url, { agent: false }, (response) => {
    response.once("data", () => {
      request.destroy();
      resolve();
    });
  });
  request.on("error", () => {}).end();
  return promise;
}

function* repeat(chunk: Buffer, count: number): Generator<Buffer> {
  for (let index = 0; index < count; index++) yield chunk;
}
