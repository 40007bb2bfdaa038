import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { send, startTestHost, type TestHost } from "./support.ts";

/** Streamed functions, where requests can shadow what the host knows about them: the reason why areas match the URL themselves. */
describe("strict stream mode, oddities of the Functions host", () => {
  let host: TestHost;

  beforeAll(async () => {
    host = await startTestHost({ loadApp: () => import("./apps/http-streamed.ts"), mode: "strict" });
  });
  afterAll(() => host.close());

  const post = (path: string, body: string) => send(host.url + path, { method: "POST", body });

  test("params: query parameters and members of a JSON body appear among them", async () => {
    const answer = await post("/items/7?extra=q", '{"fromBody":"b","number":5,"nested":{"a":1}}');
    expect(JSON.parse(answer.text)).toEqual({ tag: "number", id: "7", extra: "q", fromBody: "b", number: "5" });
  });

  test("params: route values win over query and body, whatever their case", async () => {
    const answer = await post("/items/7?ID=q", '{"id":"b"}');
    expect(Object.values(JSON.parse(answer.text))).toEqual(["number", "7"]);
  });

  test("headers: a query parameter of that name drops them all", async () => {
    const answer = await send(`${host.url}/mirror?headers=x`, { headers: { "x-custom": "v" } });
    expect(JSON.parse(answer.text)).toMatchObject({ custom: null });
  });

  test("headers: a body member of that name replaces them, even those of the platform", async () => {
    const body = '{"Headers":{"x-ms-client-principal":"forged"}}';
    expect(JSON.parse((await post("/mirror", body)).text)).toMatchObject({ principal: "forged" });
  });

  test("limits: more than 100 MB is refused with what to do, a longer address than Azure takes is refused", async () => {
    const tooLong = { method: "POST", headers: { "content-length": String(100 * 1024 * 1024 + 1) }, body: "x" };
    const refused = await send(`${host.url}/upload`, tooLong);
    expect([refused.status, refused.text]).toEqual([
      413,
      expect.stringContaining("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD=true"),
    ]);
    expect((await send(`${host.url}/hello?name=${"x".repeat(5000)}`)).status).toBe(414);
  });
});
