import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { served } from "./served.ts";
import type { Answer, Sending } from "./support.ts";
import { createWorld, stateOf, TIME_MS } from "./world.ts";

const JSON_TYPE = { "content-type": "application/json" };
const SET_TAG = "/api/2.0/mlflow/runs/set-tag";
const LOG_METRIC = "/api/2.0/mlflow/runs/log-metric";
const MIB = 1024 * 1024;

/** The strict mode's model of the Functions host copies members of the body by recursion, and gives up at some thousand levels. */
const LEVELS = { light: 10_000, strict: 1000 };

const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);

const { server, client, world, describe: describeServed } = served(["light", "strict", "azure"]);

describeServed("request bodies", ({ mode }) => {
  let untouched: unknown;

  const post = (body: Sending["body"], headers: Sending["headers"] = JSON_TYPE) =>
    client.send("POST", SET_TAG, { body, headers });

  const tagsOf = async (): Promise<Record<string, string>> => {
    const { json } = await client.call("runs_get", { run_id: world.runId });
    return Object.fromEntries(json.run.data.tags.map(({ key, value }: Record<string, string>) => [key, value]));
  };

  test.each<[title: string, body: string | Buffer, message: RegExp]>([
    ["cut short", '{"run_id":"a","key"', /not valid JSON/],
    ["no JSON", "run_id=a", /not valid JSON/],
    ["white space", "  \n", /not valid JSON/],
    ["two values", "{}{}", /not valid JSON/],
    ["a trailing comma", '{"run_id":"a",}', /not valid JSON/],
    ["a bare control character", '{"run_id":"a\u0001"}', /not valid JSON/],
    ["a list", "[]", /Value was of type 'list'/],
    ["null", "null", /Value was of type 'NoneType'/],
    ["a number", "5", /Value was of type 'int'/],
    ["text that is no JSON", '"abc"', /not valid JSON/],
    ["JSON in text in text", JSON.stringify(JSON.stringify('{"a":1}')), /Value was of type 'str'/],
    ["bytes that are no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), /not valid UTF-8/],
    ["UTF-16", Buffer.from('{"run_id":"a"}', "utf16le"), /not valid (JSON|UTF-8)/],
    ["nothing", "", /Missing value for required parameter 'key'/],
    ["an empty object", "{}", /Missing value for required parameter 'key'/],
    ["a deeply nested list", `{"run_id":"a","key":${nested(LEVELS[mode])}}`, /parameter 'key'/],
    [
      "deeply nested objects",
      `${'{"key":'.repeat(LEVELS[mode])}1${"}".repeat(LEVELS[mode])}`,
      /parameter 'key'|deeper than 64/,
    ],
    ["nothing but levels", nested(LEVELS[mode]), /Value was of type 'list'/],
    ["500,000 levels that never end", "[".repeat(500_000), /deeper than 64 levels/],
  ])("%s is refused", async (_, body, message) => {
    untouched ??= await stateOf(client, world);
    const answer = await post(body);
    expect([answer.status, answer.json?.error_code]).toEqual([400, "INVALID_PARAMETER_VALUE"]);
    expect(answer.json.message).toMatch(message);
    expect(answer.text.length).toBeLessThan(1000);
  });

  test("none of the refused bodies has changed anything", async () => {
    expect(await stateOf(client, world)).toEqual(untouched);
  });

  test("JSON within a JSON text is decoded twice", async () => {
    const body = JSON.stringify(JSON.stringify({ run_id: world.runId, key: "twice", value: "v" }));
    expect((await post(body)).status).toBe(200);
    expect(await tagsOf()).toMatchObject({ twice: "v" });
  });

  test("fields that nobody knows may be nested deeply", async () => {
    const body = `{"run_id":"${world.runId}","key":"deep","value":"v","unknown":${nested(LEVELS[mode])}}`;
    expect((await post(body)).status).toBe(200);
  });

  test.each<[title: string, headers: Record<string, string>, message: RegExp]>([
    ["none", {}, /Content-Type header is missing/],
    ["text/plain", { "content-type": "text/plain" }, /must be one of \['application\/json'\]/],
    ["a form", { "content-type": "application/x-www-form-urlencoded" }, /must be one of/],
    ["a look-alike", { "content-type": "application/jsonp" }, /must be one of/],
    ["two", { "content-type": "text/plain, application/json" }, /must be one of/],
  ])("content type %s is refused", async (_, headers, message) => {
    const { status, json } = await post(`{"run_id":"${world.runId}","key":"typed","value":"v"}`, headers);
    expect(status).toBe(400);
    expect(json.message).toMatch(message);
    expect(await tagsOf()).not.toHaveProperty("typed");
  });

  test("parameters of the content type are ignored", async () => {
    const body = `{"run_id":"${world.runId}","key":"charset","value":"v"}`;
    expect((await post(body, { "content-type": "application/json; charset=utf-8" })).status).toBe(200);
  });

  test.each(["NaN", "Infinity", "-Infinity", "0x10", "1.", ".5", "+1", "01"])(
    "%s is no JSON number and is refused",
    async (literal) => {
      const body = `{"run_id":"${world.runId}","key":"literal","value":${literal},"timestamp":1}`;
      const { status, json } = await client.send("POST", LOG_METRIC, { body, headers: JSON_TYPE });
      expect([status, json.error_code]).toEqual([400, "INVALID_PARAMETER_VALUE"]);
      const history = await client.call("metrics_get_history", { run_id: world.runId, metric_key: "literal" });
      expect(history.json.metrics).toEqual([]);
    },
  );

  test.each<[literal: string, stored: unknown]>([
    ['"NaN"', "NaN"],
    ['"Infinity"', Number.MAX_VALUE],
    ['"-Infinity"', -Number.MAX_VALUE],
    ["1e400", Number.MAX_VALUE],
    ["-1e400", -Number.MAX_VALUE],
    ["-0", 0],
    ["5e-324", 5e-324],
    ["0.1", 0.1],
    ["12345678901234567890", 12345678901234567000],
  ])("a metric of %s is kept as %s", async (literal, stored) => {
    const run = await createWorld(client);
    const body = `{"run_id":"${run.runId}","key":"literal","value":${literal},"timestamp":1}`;
    expect((await client.send("POST", LOG_METRIC, { body, headers: JSON_TYPE })).status).toBe(200);
    const { json } = await client.call("runs_get", { run_id: run.runId });
    const [metric] = json.run.data.metrics.filter(({ key }: { key: string }) => key === "literal");
    expect(metric.value).toBe(stored);
  });

  test.each(["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "length", "valueOf"])(
    "%s is a name like any other for params, tags and metrics",
    async (name) => {
      const { runId, experimentId } = await createWorld(client);
      const metrics = [{ key: name, value: 1, timestamp: TIME_MS }];
      const params = [{ key: name, value: "p" }];
      const logged = await client.call("runs_log_batch", { run_id: runId, metrics, params, tags: params });
      expect(logged.status).toBe(200);
      const { data } = (await client.call("runs_get", { run_id: runId })).json.run;
      expect(data.metrics).toContainEqual(expect.objectContaining({ key: name, value: 1 }));
      expect(data.params).toContainEqual({ key: name, value: "p" });
      expect(data.tags).toContainEqual({ key: name, value: "p" });
      const filter = `params.\`${name}\` = 'p' AND metrics.\`${name}\` = 1`;
      const { json } = await client.call("runs_search", { experiment_ids: [experimentId], filter });
      expect(json.runs.map(({ info }: { info: { run_id: string } }) => info.run_id)).toEqual([runId]);
    },
  );

  test("3 MB of JSON are refused, whether the length is announced or not, and the server goes on", async () => {
    const large = Buffer.alloc(3 * MIB, "x");
    large.write(`{"run_id":"${world.runId}","key":"large","value":"`);
    large.write('"}', large.length - 2);
    expect(await statusOrClosed(post(large))).toBeOneOf([413, "closed"]);
    expect((await client.send("GET", "/health")).status).toBe(200);
    const streamed = Readable.from(pieces(large, MIB));
    expect(await statusOrClosed(post(streamed))).toBeOneOf([413, "closed"]);
    expect(await tagsOf()).not.toHaveProperty("large");
  });

  test("100 MB of JSON are refused without being kept in memory", async () => {
    const before = residentMib(server.pid);
    const senders = [1, 2, 3].map(() => statusOrClosed(post(Readable.from(repeated(" ", 100)))));
    for (const status of await Promise.all(senders)) expect(status).toBeOneOf([413, "closed"]);
    const levels = [1, 2, 3].map(() => statusOrClosed(post(Readable.from(repeated("[", 100)))));
    for (const status of await Promise.all(levels)) expect(status).toBeOneOf([400, "closed"]);
    expect(residentMib(server.pid) - before).toBeLessThan(300);
    expect((await client.send("GET", "/health")).status).toBe(200);
  });
});

/** What was answered; `closed` when the server hung up on a body that it would not take. */
async function statusOrClosed(sent: Promise<Answer>): Promise<number | string> {
  try {
    return (await sent).status;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ECONNRESET" || code === "EPIPE") return "closed";
    throw error;
  }
}

function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function* repeated(character: string, mib: number): Generator<Buffer> {
  const piece = Buffer.alloc(MIB, character);
  for (let i = 0; i < mib; i++) yield piece;
}

function residentMib(pid: number): number {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1024;
}
