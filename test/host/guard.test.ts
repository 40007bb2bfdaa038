import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { guardAll } from "./apps/guard-all.ts";
import { send, startTestHost, type TestHost, until } from "./support.ts";

const SILENCE_MS = 300;

describe("guard, in strict stream mode", () => {
  let host: TestHost;

  beforeAll(async () => {
    host = await startTestHost({
      loadApp: () => import("./apps/guard.ts"),
      mode: "strict",
      forwardTimeoutMs: SILENCE_MS,
    });
  });
  afterAll(() => host.close());

  test("guard: without it a function that throws or returns nothing never answers", async () => {
    expect((await send(`${host.url}/throws`)).status).toBe(504);
    expect((await send(`${host.url}/nothing`)).status).toBe(504);
    expect((await send(`${host.url}/answers`)).text).toBe("fine");
  });

  test("guard: with it a function that throws is 500 with nothing in it, and logged", async () => {
    guardAll();
    host.lines.length = 0;
    expect(await send(`${host.url}/throws`)).toMatchObject({ status: 500, text: "" });
    expect(host.lines).toMatchObject([{ level: "error", functionName: "throws" }]);
    expect(host.lines[0]?.message).toMatch(/thrown on purpose[\s\S]*apps\/guard/);
    expect((await send(`${host.url}/nothing`)).status).toBe(204);
    expect((await send(`${host.url}/answers`)).text).toBe("fine");
  });
  test("guard: with it a body that fails ends the connection, and its fault is logged", async () => {
    host.lines.length = 0;
    const ended = await send(`${host.url}/breaks`).then(({ status }) => status, String);
    expect(String(ended)).toMatch(/^502$|aborted|hang up|ECONNRESET/);
    await until(() => host.lines.length > 0);
    expect(host.lines).toMatchObject([{ level: "error", functionName: "breaks" }]);
    expect(host.lines[0]?.message).toMatch(/broken on purpose[\s\S]*apps\/guard/);
    expect((await send(`${host.url}/answers`)).text).toBe("fine");
  });
});
