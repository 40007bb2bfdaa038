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
    const answers = await Promise.all(
      ["/hello", "/admin/host/status"].map((path) => send(host.url + path, { headers })),
    );
    for (const { status, text } of answers) {
      expect(status).toBe(row.refusedFor ? 403 : 200);
      if (row.refusedFor) expect(text).toMatch(new RegExp(`^Refused: the ${row.refusedFor} header .*\\n$`));
    }
  });

  test.for(["0.0.0.0", "::", "192.168.1.10", "example.com"])("loopback: does not listen on %s", async (hostname) => {
    await expect(startTestHost({ loadApp, hostname })).rejects.toThrow(/not authenticated yet/);
  });
});
