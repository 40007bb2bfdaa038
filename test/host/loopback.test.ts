import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { send, startTestHost, type TestHost } from "./support.ts";

const loadApp = () => import("./apps/http-buffered.ts");

interface Row {
  readonly host?: string;
  readonly origin?: string;
  readonly refusedFor?: "Host" | "Origin";
}

const ROWS: readonly Row[] = [
  { host: "127.0.0.1" },
  { host: "127.0.0.1:7071" },
  { host: "localhost" },
  { host: "LocalHost:1" },
  { host: "[::1]:7071" },
  { host: "localhost", origin: "http://localhost:3000" },
  { host: "localhost", origin: "https://127.0.0.1" },
  { host: "localhost", origin: "http://[::1]:5173" },
  { host: "evil.example", refusedFor: "Host" },
  { host: "localhost.evil.example", refusedFor: "Host" },
  { host: "localhost:7071.evil.example", refusedFor: "Host" },
  { host: "127.0.0.1.nip.io", refusedFor: "Host" },
  { host: "evil@localhost", refusedFor: "Host" },
  { host: "127.0.0.2", refusedFor: "Host" },
  { host: "0.0.0.0:7071", refusedFor: "Host" },
  { host: "localhost", origin: "http://evil.example", refusedFor: "Origin" },
  { host: "localhost", origin: "http://localhost.evil.example", refusedFor: "Origin" },
  { host: "localhost", origin: "http://localhost:80@evil.example", refusedFor: "Origin" },
  { host: "localhost", origin: "file://localhost", refusedFor: "Origin" },
  { host: "localhost", origin: "null", refusedFor: "Origin" },
];

describe("requests from other sites", () => {
  let host: TestHost;

  beforeAll(async () => {
    host = await startTestHost({ loadApp, intercept: [async () => false] });
  });
  afterAll(() => host.close());

  test.for(ROWS)("loopback: Host '$host', Origin '$origin': refused for $refusedFor", async (row) => {
    const headers = { host: row.host, ...(row.origin === undefined ? {} : { origin: row.origin }) };
    const paths = row.origin === undefined || row.refusedFor ? ["/hello", "/admin/host/status"] : ["/hello"];
    const answers = await Promise.all(paths.map((path) => send(host.url + path, { headers })));
    for (const { status, text } of answers) {
      expect(status).toBe(row.refusedFor ? 403 : 200);
      if (row.refusedFor) expect(text).toMatch(new RegExp(`^Refused: the ${row.refusedFor} header .*\\n$`));
    }
  });

  test.for(["http://localhost:3000", "http://localhost", "https://127.0.0.1:7071", "null"])(
    "loopback: another page of this machine, %s, has nothing to ask of the host itself",
    async (origin) => {
      for (const path of ["/admin/host/status", "/admin/functions", "/ADMIN/functions/hello"]) {
        const asked = { method: path === "/admin/functions/hello" ? "POST" : "GET", headers: { origin } };
        expect((await send(host.url + path, asked)).status, path).toBe(403);
      }
      const own = { headers: { origin: host.url, host: new URL(host.url).host } };
      expect((await send(`${host.url}/admin/functions`, own)).status).toBe(200);
    },
  );

  test.for(["0.0.0.0", "::", "192.168.1.10", "example.com"])("loopback: does not listen on %s", async (hostname) => {
    await expect(startTestHost({ loadApp, hostname })).rejects.toThrow(/without --auth/);
  });
});

describe("where callers are authenticated", () => {
  let host: TestHost;

  beforeAll(async () => {
    host = await startTestHost({ loadApp, hostname: "0.0.0.0", authenticated: true });
  });
  afterAll(() => host.close());

  const sent = (headers: Record<string, string>, path = "/hello") =>
    send(`http://127.0.0.1:${host.port}${path}`, { headers });

  test("loopback: listens on every address, and tells one that others can use", () => {
    expect(host.url).not.toContain("0.0.0.0");
  });

  test.for(["cairn.example.org", "10.0.0.7:7071", "localhost"])("loopback: answers to the name %s", async (name) => {
    expect((await sent({ host: name })).status).toBe(200);
    expect((await sent({ host: name, origin: `https://${name}` })).status).toBe(200);
  });

  test.for(["[::1]:7071", "cairn_server:7071", "10.0.0.7"])("loopback: takes the host %s", async (name) => {
    expect((await sent({ host: name })).status).toBe(200);
  });

  test.for(["x/api/v1/workspaces#", "x?", "x#", "user@x", "x y", "x:port", "x:1:2", "[::1", "é", "x\\y"])(
    "loopback: the Host '%s' is none",
    async (name) => {
      for (const path of ["/hello", "/admin/host/ping"]) expect((await sent({ host: name }, path)).status).toBe(400);
    },
  );

  test.for(["https://evil.example", "null", "https://cairn.example.org.evil.example", "https://cairn.example.org:1"])(
    "loopback: refuses a page of %s",
    async (origin) => {
      const { status, text } = await sent({ host: "cairn.example.org", origin });
      expect([status, text]).toEqual([403, expect.stringMatching(/^Refused: the Origin header .*\n$/)]);
    },
  );

  test("loopback: the host's own API is closed, but for the ping", async () => {
    expect((await sent({}, "/admin/host/ping")).status).toBe(200);
    for (const path of ["/admin/host/status", "/admin/functions", "/ADMIN/functions/hello"]) {
      expect((await sent({}, path)).status, path).toBe(404);
    }
  });
});
