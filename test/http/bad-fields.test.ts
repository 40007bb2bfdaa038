import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mlflowRoutes } from "../../shared/mlflow/dialect.ts";
import { bool, double, int64, type Message, string } from "../../shared/mlflow/message.ts";
import type { MlflowRoute } from "../../shared/mlflow/route.ts";
import { type RunningServer, startServer } from "../setup/server.ts";
import { type Answer, type Client, connect, type Input, requestFor } from "./support.ts";
import { VALID } from "./valid-requests.ts";
import { createWorld, stateOf, type World } from "./world.ts";

/*
 * Bad requests are made of good ones: for each operation, each field that its schema knows is replaced by what it cannot be. Every such
 * request must be refused in MLflow's shape with the field named, and must not have changed anything.
 */

const LONE_SURROGATE = "\ud800";
const NOT_TEXT = [5, 1.5, true, ["x"], { a: 1 }, LONE_SURROGATE, `tail${LONE_SURROGATE}`];
const NOT_INTEGER = [
  "x",
  "",
  "1.5",
  "1e3",
  "0x10",
  true,
  [1],
  { a: 1 },
  1.5,
  2 ** 53,
  -(2 ** 53),
  1e19,
  LONE_SURROGATE,
];
const NOT_NUMBER = ["x", "", "0x10", "1_000", "1,5", "--1", true, [1], { a: 1 }, LONE_SURROGATE];
const NOT_BOOL = ["yes", "", 2, 0, ["x"], { a: 1 }, LONE_SURROGATE];
const NOT_LIST = ["x", "", 5, true, { 0: "x" }, { length: 1 }];
const NOT_LIST_OF_MESSAGES = [...NOT_LIST, [5], ["x"], [null], [[]]];
const NOT_ENUMERATED = ["BOGUS", "", 0, -1, 99, 1.5, "1x", true, ["ALL"], { a: 1 }, "__proto__", "constructor"];

const TEXT_FIELDS_OF_MESSAGES = new Set(["tags", "params", "metrics", "datasets", "models", "parts"]);
const ENUMERATED = new Set(["view_type", "run_view_type", "status", "mode"]);

interface BadRequest {
  readonly title: string;
  readonly field: string;
  readonly input: Input;
}

/** What cannot be a value of the field, as it may stand in a JSON body. */
function badValues(name: string, decode: unknown): readonly unknown[] {
  if (decode === string) return NOT_TEXT;
  if (decode === int64) return NOT_INTEGER;
  if (decode === double) return NOT_NUMBER;
  if (decode === bool) return NOT_BOOL;
  if (ENUMERATED.has(name)) return NOT_ENUMERATED;
  if (TEXT_FIELDS_OF_MESSAGES.has(name)) return NOT_LIST_OF_MESSAGES;
  if (isList(decode)) return NOT_LIST;
  return [true, ["x"], { a: 1 }];
}

const isList = (decode: unknown): boolean => "isList" in (decode as object);
const isText = (value: unknown): value is string => typeof value === "string" && value.isWellFormed();

function badRequests(route: MlflowRoute, input: Input): BadRequest[] {
  const requests: BadRequest[] = [];
  for (const [field, { decode, required, fallback }] of Object.entries(fieldsOf(route))) {
    const put = (value: unknown) => requests.push(replaced(field, value, input));
    const bad = badValues(field, decode);
    if (route.method !== "GET") for (const value of bad) put(value);
    else if (!isList(decode)) for (const value of bad.filter(isText)) put(value);
    if (required) requests.push({ ...replaced(field, undefined, input), title: `${field} missing` });
    if (required && route.method !== "GET") put(null);
    if (required && fallback === undefined && !bad.includes("")) put("");
    requests.push(...spelledTwice(field, input));
  }
  return requests;
}

function fieldsOf(route: MlflowRoute): Message<unknown>["fields"] {
  return route.request?.fields ?? {};
}

function replaced(field: string, value: unknown, input: Input): BadRequest {
  return { title: `${field} ${JSON.stringify(value)}`, field, input: { ...input, [field]: value } };
}

function spelledTwice(field: string, input: Input): BadRequest[] {
  const camel = field.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  if (camel === field || !(field in input)) return [];
  return [{ title: `${field} and ${camel}`, field, input: { ...input, [camel]: input[field] } }];
}

const withoutUndefined = (input: Input): Input =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));

/** What is wrong with a refusal; undefined when it is as it must be. */
function faultOf({ status, json, text }: Answer, field: string): string | undefined {
  const isRefusal = status === 400 && json?.error_code === "INVALID_PARAMETER_VALUE" && !INSIDES.test(text);
  const namesField = new RegExp(`'${field}(\\[\\d+\\])?('|\\.)`).test(json?.message);
  return isRefusal && namesField ? undefined : `${status} ${text.slice(0, 300)}`;
}

/** What is wrong with an answer to a text that may be accepted or not. */
function breakageOf({ status, json, text }: Answer): string | undefined {
  const isRefusal = status < 500 && /^[A-Z_]+$/.test(json?.error_code ?? "");
  return (status < 300 || isRefusal) && !INSIDES.test(text) ? undefined : `${status} ${text.slice(0, 300)}`;
}

const INSIDES = /\.ts:\d|node:internal|\bat [A-Za-z.]+ \(|SQLITE|node_modules/;

describe("requests with a wrong field", () => {
  let server: RunningServer;
  let client: Client;
  let world: World;
  let untouched: unknown;

  beforeAll(async () => {
    server = await startServer({ mode: "light" });
    client = connect(server.url);
    world = await createWorld(client);
    untouched = await stateOf(client, world);
  });
  afterAll(async () => {
    client.close();
    await server.stop();
  });

  const checked = mlflowRoutes.filter((route) => Object.keys(fieldsOf(route)).length > 0);

  test.each(checked.map((route) => [route.name, route] as const))(
    "%s: are refused and change nothing",
    async (name, route) => {
      const { input = {}, path } = VALID[name]!(world);
      const faults: string[] = [];
      for (const bad of badRequests(route, input)) {
        const { method, target, sending } = requestFor(route, withoutUndefined(bad.input), path);
        const fault = faultOf(await client.send(method, target, sending), bad.field);
        if (fault) faults.push(`${bad.title}: ${fault}`);
      }
      expect(faults).toEqual([]);
      expect(await stateOf(client, world)).toEqual(untouched);
    },
  );

  test.each(checked.map((route) => [route.name, route] as const))(
    "%s: odd texts never break the server",
    async (name, route) => {
      const target = await createWorld(client);
      const faults: string[] = [];
      for (const { field, value } of oddValues(route)) {
        const { input = {}, path } = VALID[name]!(target);
        const request = requestFor(route, { ...input, [field]: value }, path);
        const fault = breakageOf(await client.send(request.method, request.target, request.sending));
        if (fault) faults.push(`${field} ${JSON.stringify(value).slice(0, 60)}: ${fault}`);
      }
      expect(faults).toEqual([]);
    },
  );

  test.each(["true", "True", "TRUE", "false", "False"])("logged_models_get: takes %s as a boolean", async (text) => {
    const { modelId } = await createWorld(client);
    const { status } = await client.call("logged_models_get", { allow_deleted: text }, { model_id: modelId });
    expect(status).toBe(200);
  });

  test("a query that gives a field twice is refused", async () => {
    const { runId, deletedRunId } = await createWorld(client);
    const path = `/api/2.0/mlflow/runs/get?run_id=${runId}&run_id=${deletedRunId}`;
    expect(faultOf(await client.send("GET", path), "run_id")).toBeUndefined();
  });

  test.each(["__proto__", "constructor", "toString", "hasOwnProperty", "unknown", ""])(
    "fields that no operation knows (%s) are ignored, in queries and bodies",
    async (name) => {
      const { runId } = await createWorld(client);
      const query = `run_id=${runId}&${encodeURIComponent(name)}=1&${encodeURIComponent(name)}=2`;
      expect((await client.send("GET", `/api/2.0/mlflow/runs/get?${query}`)).status).toBe(200);
      const body = `{"run_id":"${runId}","key":"k","value":"v",${JSON.stringify(name)}:{"run_id":5}}`;
      const headers = { "content-type": "application/json" };
      expect((await client.send("POST", "/api/2.0/mlflow/runs/set-tag", { body, headers })).status).toBe(200);
    },
  );

  test("numbers may be texts, and null is the same as absent", async () => {
    const { runId } = await createWorld(client);
    const sent = { run_id: runId, key: "m", value: "1.5", timestamp: "1700000000000", step: "7", model_id: null };
    expect((await client.call("runs_log_metric", sent)).status).toBe(200);
    const { json } = await client.call("metrics_get_history", { run_id: runId, metric_key: "m", max_results: "10" });
    expect(json.metrics).toEqual([{ key: "m", value: 1.5, timestamp: 1_700_000_000_000, step: 7, run_id: runId }]);
  });

  test("camelCase names are understood", async () => {
    const { runId } = await createWorld(client);
    const { json } = await client.send("GET", `/api/2.0/mlflow/runs/get?runId=${runId}`);
    expect(json.run.info.run_id).toBe(runId);
    const sent = { runId, endTime: 5, status: "FINISHED" };
    expect((await client.call("runs_update", sent)).json.run_info.end_time).toBe(5);
  });
});

/** Accepted or refused, as the field wants; a query cannot be as long as a body. */
function oddValues(route: MlflowRoute): { field: string; value: unknown }[] {
  const long = "x".repeat(route.method === "GET" ? 4000 : 200_000);
  const texts = ["", "a\0b", "__proto__", "constructor", "../..", "%2e%2e", "'; --", "\u{1f600}", long];
  return Object.entries(fieldsOf(route)).flatMap(([field, { decode }]): { field: string; value: unknown }[] => {
    if (isList(decode)) return texts.map((text) => ({ field, value: [{ key: text, value: text, name: text }, text] }));
    return decode === string ? texts.map((value) => ({ field, value })) : [];
  });
}
