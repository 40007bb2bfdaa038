import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { invalid } from "../../shared/domain/errors.ts";
import { createWorkspace } from "../../shared/domain/workspaces.ts";
import type { RouteShape } from "../../shared/http/routes.ts";
import { parameterNames } from "../../shared/http/routes.ts";
import { mlflowRoutes } from "../../shared/mlflow/dialect.ts";
import { restRoute } from "../../shared/rest/route.ts";
import { restRoutes } from "../../shared/rest/routes.ts";
import { type InProcess, useInProcess } from "./in-process.ts";
import { type Expectation, faultOf } from "./judge.ts";
import { BAD_BODIES, extraFields, jsonOf, type Mutation, mutationsOf, PATH_PARTS, withExtra } from "./mutations.ts";
import { type Fields, mlflowFields, restFields } from "./shapes.ts";
import { aboveOf, type Input, queryOf, type Sending, targetOf } from "./support.ts";
import { VALID } from "./valid-requests.ts";
import { VALID_REST } from "./valid-rest.ts";
import { createWorld } from "./world.ts";

/*
 * Bad requests are made of good ones: for each operation of both tables, each field that its schema knows, in bodies and queries and below them, is
 * replaced by what it cannot or should not be, and each part of its path too. The judge says what must hold whatever is sent.
 */

const JSON_TYPE = { "content-type": "application/json" };

interface Good {
  readonly path: Record<string, string>;
  readonly query: Input;
  readonly json: Input;
}

/** An operation of either dialect, with what its mutations need. */
interface Operation {
  readonly name: string;
  readonly route: RouteShape;
  /** What stands before its path. */
  readonly api: string;
  readonly query: Fields;
  readonly body: Fields;
  /** Whether it refuses fields that it does not know. */
  readonly isStrict: boolean;
  good(app: InProcess): Promise<Good>;
}

const OPERATIONS: Operation[] = [
  ...mlflowRoutes.map((route): Operation => {
    const isQuery = route.method === "GET";
    const fields = mlflowFields(route);
    return {
      name: route.name,
      route,
      api: aboveOf(route),
      query: isQuery ? fields : {},
      body: isQuery ? {} : fields,
      isStrict: false,
      good: async ({ client }) => {
        const { input = {}, path = {} } = VALID[route.name]!(await createWorld(client));
        return { path, query: isQuery ? input : {}, json: isQuery ? {} : input };
      },
    };
  }),
  ...restRoutes.map(
    (route): Operation => ({
      name: `REST ${route.name}`,
      route,
      api: "/api/v1/",
      query: restFields(route.query),
      body: restFields(route.body),
      isStrict: true,
      good: async ({ client }) => {
        const { path = {}, query = {}, json = {} } = VALID_REST[route.name]!(await createWorld(client));
        return { path: { workspace: "default", ...path }, query, json };
      },
    }),
  ),
];

const has = (fields: Fields): boolean => Object.keys(fields).length > 0;
const withQuery = OPERATIONS.filter(({ query }) => has(query));
const withBody = OPERATIONS.filter(({ body }) => has(body));
const withPath = OPERATIONS.filter(({ route }) => parameterNames(route.path).length > 0);
const titled = (operations: readonly Operation[]) =>
  operations.map((operation) => [operation.name, operation] as const);

const app = useInProcess();

/** Sends each of the bad requests; what is wrong with the answers. */
async function faultsOf<T>(
  requests: readonly T[],
  one: (request: T) => { title: string; target: string; sending?: Sending; expectation?: Expectation },
  method: string,
): Promise<string[]> {
  const faults: string[] = [];
  for (const request of requests) {
    const { title, target, sending, expectation } = one(request);
    const fault = await faultOf(app, () => app.client.send(method, target, sending), expectation);
    if (fault) faults.push(`${title} ${fault}`);
  }
  return faults;
}

const expectationOf = ({ mustFail, field }: Mutation): Expectation => (mustFail ? { mustName: field } : {});

const defined = (input: Input): Input =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));

describe("bad requests", () => {
  test.each(titled(withBody))("%s: wrong and odd fields of the body", async (_, { route, api, body, good }) => {
    const { path, json } = await good(app);
    const target = targetOf(route, path, api);
    const one = (mutation: Mutation) => ({
      title: mutation.title,
      target,
      sending: { body: jsonOf(mutation.input), headers: JSON_TYPE },
      expectation: expectationOf(mutation),
    });
    expect(await faultsOf(mutationsOf(body, json, "body"), one, route.method)).toEqual([]);
  });

  test.each(titled(withQuery))("%s: wrong and odd fields of the query", async (_, { route, api, query, good }) => {
    const { path, query: input } = await good(app);
    const one = (mutation: Mutation) => ({
      title: mutation.title,
      target: `${targetOf(route, path, api)}?${queryOf(defined(mutation.input))}`,
      expectation: expectationOf(mutation),
    });
    expect(await faultsOf(mutationsOf(query, input, "query"), one, route.method)).toEqual([]);
  });

  test.each(titled(withBody))("%s: fields that no schema knows", async (_, { route, api, good, isStrict }) => {
    const { path, json } = await good(app);
    const one = (extra: [string, string]) => ({
      title: extra.join(" ").slice(0, 60),
      target: targetOf(route, path, api),
      sending: { body: withExtra(json, extra), headers: JSON_TYPE },
      expectation: isStrict ? { mustName: "" } : {},
    });
    expect(await faultsOf(extraFields(), one, route.method)).toEqual([]);
  });

  test.each(titled(withBody))("%s: bodies that are no object in JSON", async (_, { route, api, good }) => {
    const { path } = await good(app);
    const target = targetOf(route, path, api);
    const one = (body: string | Buffer) => ({
      title: String(body).slice(0, 60),
      target,
      sending: { body, headers: JSON_TYPE },
      expectation: { mustName: "" },
    });
    expect(await faultsOf(BAD_BODIES, one, route.method)).toEqual([]);
  });

  test.each(titled(withPath))("%s: odd parts of the path", async (_, { route, api, good }) => {
    const { path, json } = await good(app);
    const names = parameterNames(route.path);
    const requests = names.flatMap((name) => PATH_PARTS.map((part) => ({ name, part })));
    const one = ({ name, part }: { name: string; part: string }) => ({
      title: `${name} ${part.slice(0, 60)}`,
      target: targetOf(route, { ...path, [name]: "placeholder" }, api).replace("placeholder", () => part),
      sending: route.method === "GET" || !has(json as Fields) ? {} : { json },
    });
    expect(await faultsOf(requests, one, route.method)).toEqual([]);
  });

  const camelCase = (field: string): string => field.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

  test.each(titled(withBody.filter(({ isStrict }) => !isStrict)))(
    "%s: a field in two spellings is refused",
    async (_, { route, api, good }) => {
      const { path, json } = await good(app);
      const fields = Object.keys(json).filter((field) => camelCase(field) !== field);
      const one = (field: string) => ({
        title: field,
        target: targetOf(route, path, api),
        sending: { json: { ...json, [camelCase(field)]: json[field] } },
        expectation: { mustName: field },
      });
      expect(await faultsOf(fields, one, route.method)).toEqual([]);
    },
  );
});

describe("the judge of bad requests", () => {
  const shape = { method: "POST", permission: "write", status: 200, summary: "s" } as const;
  const body = z.strictObject({ size: z.int() });
  const planted = useInProcess({
    routes: [
      restRoute({
        ...shape,
        name: "broken",
        path: "broken",
        body,
        do: async ({ body: { size } }) => {
          if (size < 0) throw new Error("planted");
        },
      }),
      restRoute({
        ...shape,
        name: "hasty",
        path: "hasty",
        body,
        do: async ({ realm, body: { size } }) => {
          await createWorkspace(realm, `hasty${size}`, "");
          throw invalid("size: too late");
        },
      }),
      restRoute({ ...shape, name: "careless", path: "careless", body: z.looseObject({}), do: async () => {} }),
      restRoute({
        ...shape,
        name: "vague",
        path: "vague",
        body,
        do: async () => {
          throw invalid("Something is wrong.");
        },
      }),
      restRoute({
        ...shape,
        name: "talkative",
        path: "talkative",
        body,
        do: async () => {
          throw invalid("size: failed\n    at parse (shared/rest/routes.ts:5)");
        },
      }),
    ],
  });
  const judged = (path: string, json: unknown, expectation?: Expectation) =>
    faultOf(planted, () => planted.client.send("POST", `/api/v1/${path}`, { json }), expectation);

  test.each<[title: string, path: string, json: unknown, fault: RegExp]>([
    ["a crash", "broken", { size: -1 }, /broke the server: 500/],
    ["a refusal that comes after a write", "hasty", { size: 1 }, /has written/],
    ["that what must be refused is accepted", "careless", { size: "x" }, /was accepted/],
    ["that the field is not named", "vague", { size: 1 }, /did not name size/],
    ["a stack trace", "talkative", { size: 1 }, /insides/],
  ])("finds %s", async (_, path, json, fault) => {
    expect(await judged(path, json, { mustName: "size" })).toMatch(fault);
  });

  test("finds an echo of the request", async () => {
    const answer = await app.client.send("GET", "/api/2.0/mlflow/nothing");
    const json = { error_code: "INVALID_PARAMETER_VALUE", message: "x".repeat(2000) };
    const echo = { ...answer, status: 400, json, text: JSON.stringify(json) };
    expect(await faultOf(app, async () => echo)).toMatch(/with 2\d+ characters/);
  });

  test("finds nothing wrong with a proper refusal", async () => {
    expect(await judged("broken", { size: "x" }, { mustName: "size" })).toBeUndefined();
    expect(await judged("broken", { size: 1 })).toBeUndefined();
  });
});

describe("fields that are not bad", () => {
  test.each(["true", "True", "TRUE", "false", "False"])("logged_models_get: takes %s as a boolean", async (text) => {
    const { modelId } = await createWorld(app.client);
    const { status } = await app.client.call("logged_models_get", { allow_deleted: text }, { model_id: modelId });
    expect(status).toBe(200);
  });

  test("a query that gives a field twice is refused", async () => {
    const { runId, deletedRunId } = await createWorld(app.client);
    const path = `/api/2.0/mlflow/runs/get?run_id=${runId}&run_id=${deletedRunId}`;
    expect(await faultOf(app, () => app.client.send("GET", path), { mustName: "run_id" })).toBeUndefined();
  });

  test.each(["__proto__", "constructor", "toString", "hasOwnProperty", "unknown", ""])(
    "fields that no operation knows (%s) are ignored, in queries and bodies",
    async (name) => {
      const { runId } = await createWorld(app.client);
      const query = `run_id=${runId}&${encodeURIComponent(name)}=1&${encodeURIComponent(name)}=2`;
      expect((await app.client.send("GET", `/api/2.0/mlflow/runs/get?${query}`)).status).toBe(200);
      const body = `{"run_id":"${runId}","key":"k","value":"v",${JSON.stringify(name)}:{"run_id":5}}`;
      const headers = { "content-type": "application/json" };
      expect((await app.client.send("POST", "/api/2.0/mlflow/runs/set-tag", { body, headers })).status).toBe(200);
    },
  );

  test("numbers may be texts, and null is the same as absent", async () => {
    const { runId } = await createWorld(app.client);
    const sent = { run_id: runId, key: "m", value: "1.5", timestamp: "1700000000000", step: "7", model_id: null };
    expect((await app.client.call("runs_log_metric", sent)).status).toBe(200);
    const { json } = await app.client.call("metrics_get_history", {
      run_id: runId,
      metric_key: "m",
      max_results: "10",
    });
    expect(json.metrics).toEqual([{ key: "m", value: 1.5, timestamp: 1_700_000_000_000, step: 7, run_id: runId }]);
  });

  test("camelCase names are understood", async () => {
    const { runId } = await createWorld(app.client);
    const { json } = await app.client.send("GET", `/api/2.0/mlflow/runs/get?runId=${runId}`);
    expect(json.run.info.run_id).toBe(runId);
    const sent = { runId, endTime: 5, status: "FINISHED" };
    expect((await app.client.call("runs_update", sent)).json.run_info.end_time).toBe(5);
  });
});
