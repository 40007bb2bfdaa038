import { once } from "node:events";
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeHttp } from "./http-suite.ts";
import { send, startTestHost, type TestHost, until } from "./support.ts";

const loadApp = () => import("./apps/http-buffered.ts");

describeHttp({ title: "light mode", mode: "light", loadApp });

describe("answers that break off, light mode", () => {
  let host: TestHost;

  beforeAll(async () => {
    host = await startTestHost({ loadApp });
  });
  afterAll(() => host.close());

  const errors = () => host.lines.filter(({ level }) => level === "error");

  test("http: a body that fails ends the connection, and its fault is logged with its stack", async () => {
    await expect(send(`${host.url}/breaks`)).rejects.toThrow(/aborted|hang up|ECONNRESET/);
    await until(() => errors().length > 0);
    expect(errors()).toMatchObject([{ functionName: "breaks" }]);
    expect(errors()[0]?.message).toMatch(/broken on purpose[\s\S]*http-functions/);
  });

  test("http: a client that leaves in the middle of a body is no fault", async () => {
    host.lines.length = 0;
    const leaving = request(`${host.url}/download?megabytes=1000`, { agent: false }, (answer) => {
      answer.once("data", () => leaving.destroy());
    });
    leaving.on("error", () => {}).end();
    await once(leaving, "close");
    await until(() => host.lines.length > 0);
    expect(host.lines).toMatchObject([{ level: "debug", message: expect.stringContaining("The client left") }]);
  });
});
