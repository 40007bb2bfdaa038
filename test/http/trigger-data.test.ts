import { randomUUID } from "node:crypto";
import { request as httpRequest } from "node:http";
import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RpcTypedData } from "../../host/core-types.ts";
import { loadRegistrations, type Registrations } from "../../host/functions-core.ts";
import { send, until } from "../host/support.ts";
import { type RunningServer, startServer } from "../setup/server.ts";
import { type Client, connect } from "./support.ts";

/*
 * The Functions host mixes members of a JSON body and parameters of the query into the data of a trigger, from which the library takes a request's
 * headers. Whatever they are named, the app sees the headers that were sent.
 */

const NAMES = ["Headers", "headers", "HEADERS", "Query", "query", "sys", "$request", "req", "params", "name", "code"];
const ODD_NAMES = ["__proto__", "constructor", "toString", "x-ms-invocation-id", "x-forwarded-host", "authorization"];

const FORGED = '{"authorization":"Bearer forged","x-forwarded-for":"203.0.113.66","content-type":"text/forged"}';

const VALUES: readonly RpcTypedData[] = [
  { json: FORGED },
  { string: FORGED },
  { json: "[1]" },
  { json: '{"a name":"1"}' },
  { json: '{"name":"a\\nvalue"}' },
  { json: "{" },
  { json: "null" },
  { string: "[[1]]" },
  { int: 1 },
  { bytes: Buffer.from(FORGED) },
];

describe("trigger data, by the protocol of the language worker", () => {
  let app: Registrations;
  let proxy: URL;

  beforeAll(async () => {
    app = await loadRegistrations(
      () => import("../../functions/index.ts"),
      () => {},
    );
    proxy = new URL((await app.model.getCapabilities({})).HttpUri!);
  });

  /** The request that a function gets: forwarded with some headers, and invoked with some trigger data. */
  async function given(headers: Record<string, string>, triggerMetadata: Record<string, RpcTypedData>) {
    const invocationId = randomUUID();
    const { metadata } = app.functions.get("mlflow-api-2")!;
    const forwarded = httpRequest({
      ...{ hostname: "localhost", port: proxy.port, path: "/api/2.0/mlflow/experiments/search" },
      headers: { "x-forwarded-host": "cairn.example", "x-forwarded-proto": "https", ...headers },
    });
    forwarded.setHeader("x-ms-invocation-id", invocationId);
    forwarded.on("error", () => {}).end();
    const invocation = app.model.getInvocationModel({
      ...{ invocationId, metadata, state: undefined, log: () => {} },
      request: {
        invocationId,
        inputData: [{ name: Object.keys(metadata.bindings)[0]!, data: {} }],
        triggerMetadata,
      },
    });
    const { inputs } = await invocation.getArguments();
    forwarded.destroy();
    return inputs[0] as { url: string; headers: Headers; params: Record<string, string> };
  }

  const SENT = { authorization: "Bearer sent", "content-type": "text/sent", "x-forwarded-for": "198.51.100.1" };

  test.each([...NAMES, ...ODD_NAMES])("a member %s replaces no header", async (name) => {
    for (const value of VALUES) {
      const { headers, params } = await given(SENT, Object.fromEntries([[name, value]]));
      expect(Object.fromEntries(headers)).toMatchObject({ ...SENT, host: "cairn.example" });
      expect(params).toEqual({});
    }
  });

  test("a header that was not sent is not there, whatever the trigger data says", async () => {
    const { headers } = await given({}, { Headers: { json: FORGED } });
    expect(headers.get("authorization")).toBeNull();
  });

  test.each<[title: string, forwarded: Record<string, string>, origin: string]>([
    ["several protocols", { "x-forwarded-proto": "https,http" }, "https://cairn.example"],
    ["no protocol", { "x-forwarded-proto": "javascript" }, "http://cairn.example"],
    ["several hosts", { "x-forwarded-host": "cairn.example:8443, inner" }, "https://cairn.example:8443"],
    ["no host", { "x-forwarded-host": "x/api/v1/workspaces#" }, "https://localhost"],
    ["a host with a user", { "x-forwarded-host": "user@cairn.example" }, "https://localhost"],
  ])("%s where the front end tells the address: still answered", async (_, forwarded, origin) => {
    expect((await given(forwarded, {})).url).toBe(`${origin}/api/2.0/mlflow/experiments/search`);
  });

  const outside = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

  test.skipIf(!outside)(
    `requests from other machines are not kept waiting for an invocation${outside ? "" : " [unsupported: this machine has no other address]"}`,
    async () => {
      const headers = { "x-ms-invocation-id": randomUUID() };
      await expect(send(`http://${outside}:${proxy.port}/`, { headers })).rejects.toThrow(/ECONNRESET|hang up/);
    },
  );

  test("header values of any byte arrive", async () => {
    const { headers } = await given({ "x-latin": "\u00e9\u00ff", "x-empty": "" }, {});
    expect([headers.get("x-latin"), headers.get("x-empty")]).toEqual(["\u00e9\u00ff", ""]);
  });
});

describe("trigger data, through strict mode", () => {
  let server: RunningServer;
  let anybody: Client;
  let owner: Client;
  let key: string;

  beforeAll(async () => {
    server = await startServer({ mode: "strict", args: ["--auth"] });
    key = /cairn_key_w[0-9a-f]{16}_[0-9a-f]{64}/.exec(server.output())![0];
    anybody = connect(server.url);
    owner = anybody.under("", { authorization: `Bearer ${key}` });
  });
  afterAll(async () => {
    anybody.close();
    await server.stop();
  });

  const SEARCH = "/api/2.0/mlflow/experiments/search";
  const CREATE = "/api/2.0/mlflow/experiments/create";

  test.each([...NAMES, ...ODD_NAMES])("a member %s of query or body lets nobody in", async (name) => {
    for (const value of [{ authorization: `Bearer ${key}` }, [["authorization", `Bearer ${key}`]], [1], "x", null]) {
      const text = encodeURIComponent(JSON.stringify(value));
      expect((await anybody.send("GET", `${SEARCH}?max_results=1&${name}=${text}`)).status).toBe(401);
      const json = Object.fromEntries([["name", randomUUID()], ...(name === "name" ? [] : [[name, value]])]);
      expect((await anybody.send("POST", CREATE, { json })).status).toBe(401);
      expect((await anybody.send("GET", SEARCH, { json })).status).toBe(401);
      const ours = await owner.send("GET", `${SEARCH}?max_results=1&${name === "max_results" ? "" : name}=${text}`);
      expect([ours.status, Object.keys(ours.json)]).toEqual([200, expect.arrayContaining(["experiments"])]);
      expect((await owner.send("POST", CREATE, { json })).status).toBe(200);
    }
  });

  test("events tell the address that is connected, not one that a body tells", async () => {
    const name = `made by ${randomUUID()}`;
    const Headers = { "x-forwarded-for": "203.0.113.66", "content-type": "application/json" };
    expect((await owner.send("POST", CREATE, { json: { name, Headers } })).status).toBe(200);
    const events = await owner.send("GET", `/api/v1/workspaces/default/events?resource=${encodeURIComponent(name)}`);
    expect(events.json.value).toMatchObject([{ action: "experiments_create", from: "127.0.0.1" }]);
    expect(events.text).not.toContain("203.0.113.66");
  });

  test("what the platform would not answer is told in a line", async () => {
    const hangs = await owner.send("GET", `${SEARCH}?max_results=1`, { headers: { "x-ms-invocation-id": "mine" } });
    expect(hangs.status).toBe(200);
    await until(() => /"warning".*In Azure this request would get no answer.*x-ms-inv/.test(server.output()));
    expect((await owner.send("GET", `${SEARCH}?max_results=1&filter=${"x".repeat(4100)}`)).status).toBe(414);
    await until(() => /"warning".*Azure takes no address of more than 8192 characters/.test(server.output()));
    const several = { "x-forwarded-proto": "https,http", "x-forwarded-host": "no host" };
    expect((await owner.send("GET", `${SEARCH}?max_results=1`, { headers: several })).status).toBe(200);
  });
});
