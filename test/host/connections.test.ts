import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ClientLimits } from "../../host/connections.ts";
import { send, startTestHost, type TestHost, until } from "./support.ts";

const LIMITS: ClientLimits = {
  headBytes: 64 * 1024,
  headersMs: 500,
  stalledMs: 10_000,
  bodyBytesPerSecond: 500,
  bodyWindowMs: 1000,
  lingerMs: 200,
  connections: 60,
  connectionsPerAddress: 50,
  requestsAtOnce: 4,
};

const HALF_A_HEAD = "GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Half:";
const UPLOAD = "POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n";

describe("clients that are slow, silent or many", () => {
  let host: TestHost;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    host = await startTestHost({ loadApp: () => import("./apps/http-buffered.ts"), clientLimits: LIMITS });
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await host.close();
  });

  /** A connection that says nothing by itself; `received` is all that comes until it is closed. */
  function open(localAddress?: string): { socket: Socket; received: Promise<string> } {
    const socket = connect({ port: host.port, host: "127.0.0.1", localAddress });
    sockets.push(socket);
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", () => {});
    return { socket, received: once(socket, "close").then(() => text) };
  }

  function drip(socket: Socket, text: string, everyMs: number): void {
    const timer = setInterval(() => socket.write(text), everyMs);
    socket.once("close", () => clearInterval(timer));
  }

  test("half a head is answered 408 and closed", async () => {
    const { socket, received } = open();
    socket.write(HALF_A_HEAD);
    expect(await received).toMatch(/^HTTP\/1\.1 408 .*\r\n[\s\S]*came too slowly/);
  });

  test("a head that comes byte by byte is no way to stay", async () => {
    const { socket, received } = open();
    socket.write(HALF_A_HEAD);
    drip(socket, "x", 20);
    expect(await received).toMatch(/^HTTP\/1\.1 408 /);
  });

  test("requests sent before the first is answered are answered in order; one that sends them by the thousand is closed", async () => {
    const get = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const few = open();
    few.socket.write(get.repeat(LIMITS.requestsAtOnce - 1) + get.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    expect((await few.received).match(/HTTP\/1\.1 200 OK/g)).toHaveLength(LIMITS.requestsAtOnce);
    const many = open();
    many.socket.write(get.repeat(1000));
    expect((await many.received).match(/HTTP/g) ?? []).toEqual([]);
  });

  test("a body that comes byte by byte is answered 408 and closed", async () => {
    const { socket, received } = open();
    socket.write(UPLOAD);
    drip(socket, "x", 20);
    expect(await received).toMatch(/^HTTP\/1\.1 408 .*\r\n[\s\S]*came too slowly/);
  });

  test("a body that began quickly is held to its pace all the same", async () => {
    const { socket, received } = open();
    socket.write(UPLOAD + "x".repeat(50_000));
    drip(socket, "x", 20);
    expect(await received).toMatch(/^HTTP\/1\.1 408 /);
  });

  test("a body that stops in the middle is closed", async () => {
    const { socket, received } = open();
    socket.write(`${UPLOAD}half`);
    expect(await received).toMatch(/^(HTTP\/1\.1 408 |$)/);
  });

  test("a body that comes slowly, but fast enough, is taken", async () => {
    const { socket, received } = open();
    socket.write(UPLOAD.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    drip(socket, "x".repeat(2500), 20);
    expect(await received).toMatch(/^HTTP\/1\.1 200 [\s\S]*100000 bytes/);
  });

  test("a function that thinks for long is waited for", async () => {
    const { socket, received } = open();
    socket.write("GET /slow-answer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    expect(await received).toMatch(/^HTTP\/1\.1 200 [\s\S]*at last/);
  });

  test("a body that is never sent after its answer is not waited for", async () => {
    const { socket, received } = open();
    socket.write(`${UPLOAD.replace("/upload", "/partly-read/refuses")}half`);
    expect(await received).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("a head of 60 KB is read, one of more than 64 KB answered 431, what is no HTTP 400", async () => {
    const long = await send(`${host.url}/hello?name=${"x".repeat(60_000)}`);
    expect([long.status, long.text]).toEqual([200, `Hello, ${"x".repeat(60_000)}!`]);
    const large = open();
    large.socket.write(`GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Large: ${"x".repeat(66_000)}\r\n\r\n`);
    expect(await large.received).toMatch(/^HTTP\/1\.1 431 .*\r\n[\s\S]*64 KB/);
    const malformed = open();
    malformed.socket.write("\x16\x03\x01 this is TLS, for instance\r\n\r\n");
    expect(await malformed.received).toMatch(/^HTTP\/1\.1 400 .*\r\n[\s\S]*no HTTP request/);
  });

  test.each([
    [
      "a length and chunks",
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["two lengths", "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"],
    ["a length below zero", "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n"],
    [
      "a chunk without a size",
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    ],
    ["a null in the path", "GET /hello\0 HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ["a folded header", "GET /hello HTTP/1.1\r\nHost: localhost\r\nX-A: a\r\n b\r\n\r\n"],
    ["no host", "GET /hello HTTP/1.1\r\n\r\n"],
    ["a target on another host", "GET http://evil.example/hello HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ["a target that is none", "GET http://[::1 HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ["another protocol", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ])("%s is answered 400, and nobody else notices", async (_, text) => {
    const { socket, received } = open();
    socket.write(text);
    expect(await received).toMatch(/^HTTP\/1\.1 400 /);
    expect((await send(`${host.url}/hello`)).status).toBe(200);
  });

  test("many slow clients keep nobody else from being served, and are gone after a while", async () => {
    const slow = Array.from({ length: 40 }, (_, i) => {
      const { socket, received } = open();
      socket.write(i % 2 === 0 ? HALF_A_HEAD : UPLOAD);
      return received;
    });
    await Promise.all(
      Array.from({ length: 10 }, async () => expect((await send(`${host.url}/hello`)).status).toBe(200)),
    );
    await Promise.all(slow);
    expect((await send(`${host.url}/hello`)).status).toBe(200);
  });

  test("a request that is carried out is answered before what is no HTTP behind it is refused", async () => {
    const { socket, received } = open();
    socket.write("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    socket.write("GET /slow-answer HTTP/1.1\r\nHost: localhost\r\n\r\n\x16\x03\x01 junk\r\n\r\n");
    setTimeout(() => socket.write("more junk\r\n\r\n"), 50);
    const answers = (await received).match(/HTTP\/1\.1 \d+|Hello, world!|at last|no HTTP request/g);
    expect(answers).toEqual([
      ...["HTTP/1.1 200", "Hello, world!"],
      ...["HTTP/1.1 200", "at last"],
      ...["HTTP/1.1 400", "no HTTP request"],
    ]);
  });

  test("more connections than allowed are closed at once, and there is room again when others go", async () => {
    const many = Array.from({ length: LIMITS.connections + 20 }, () => open());
    let closed = 0;
    for (const { received } of many) void received.then(() => closed++);
    await until(() => closed >= 20);
    for (const { socket } of many) socket.destroy();
    await until(async () => (await send(`${host.url}/hello`).catch(() => undefined))?.status === 200);
  });
});

describe("clients that take all places", () => {
  let host: TestHost;
  const places = { ...LIMITS, headersMs: 60_000, bodyWindowMs: 60_000, connections: 30, connectionsPerAddress: 20 };
  const sockets: Socket[] = [];

  beforeAll(async () => {
    host = await startTestHost({ loadApp: () => import("./apps/http-buffered.ts"), clientLimits: places });
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) {
      if (socket.closed) continue;
      socket.destroy();
      await once(socket, "close");
    }
  });
  afterAll(() => host.close());

  /** Connections one after the other, each having said something. */
  async function fill(count: number, localAddress: string, text: string): Promise<Socket[]> {
    const opened: Socket[] = [];
    for (let i = 0; i < count; i++) {
      const socket = connect({ port: host.port, host: "127.0.0.1", localAddress });
      socket.on("error", () => {}).resume();
      opened.push(socket);
      await once(socket, "connect");
      await new Promise((resolve) => socket.write(text, resolve));
    }
    sockets.push(...opened);
    // What was sent before is read before.
    expect((await ask("127.0.0.9")).status).toBe(200);
    return opened;
  }

  const SILENT = "";
  const ask = (localAddress: string) => send(`${host.url}/hello`, { localAddress });
  const closed = (all: readonly Socket[]) => all.map(({ closed }) => closed);

  test.each([
    ["silent", SILENT],
    ["in the middle of a head", HALF_A_HEAD],
    ["in the middle of a body", `${UPLOAD}half`],
    ["waiting for the next request", "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ])("those of one address that are %s make room for its next one, the longest idle first", async (_, text) => {
    const idle = await fill(places.connectionsPerAddress, "127.0.0.1", text);
    expect((await ask("127.0.0.1")).status).toBe(200);
    await until(() => idle[0]!.closed);
    expect(closed(idle.slice(1))).not.toContain(true);
  });

  test("the address that has most makes room for others, whose idle connections stay", async () => {
    const few = await fill(10, "127.0.0.3", SILENT);
    const many = await fill(20, "127.0.0.2", SILENT);
    expect((await ask("127.0.0.1")).status).toBe(200);
    await until(() => many[0]!.closed);
    expect(closed([...few, ...many.slice(1)])).not.toContain(true);
  });

  test("who sends, or is being answered, is not closed for others; its address alone waits", async () => {
    const sending = await fill(places.connectionsPerAddress - 1, "127.0.0.2", UPLOAD);
    for (const socket of sending) await new Promise((resolve) => socket.write("more", resolve));
    const [answered] = await fill(1, "127.0.0.2", "GET /slow-answer HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await expect(ask("127.0.0.2")).rejects.toThrow(/ECONNRESET|hang up/);
    expect((await ask("127.0.0.1")).status).toBe(200);
    expect(closed([...sending, answered!])).not.toContain(true);
  });
});
