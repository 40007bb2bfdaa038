import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Permission } from "../../shared/domain/access/roles.ts";
import { ANONYMOUS } from "../../shared/http/callers.ts";
import type { EventLog } from "../../shared/http/event-log.ts";
import type { AppRequest } from "../../shared/http/types.ts";
import { answerMlflow, mlflowRoutes } from "../../shared/mlflow/dialect.ts";
import { restDispatcher } from "../../shared/rest/dialect.ts";
import { restRoutes } from "../../shared/rest/routes.ts";
import { NO_RUN } from "./scenario.ts";
import { served } from "./served.ts";
import { requestFor, routeNamed, targetOf } from "./support.ts";
import { VALID } from "./valid-requests.ts";
import { VALID_REST } from "./valid-rest.ts";
import { createWorld } from "./world.ts";

/** Written out, so that a wrong path in the table is noticed. `*` stands for a path parameter. */
const CORE = `
GET 2.0/mlflow-artifacts/artifacts
DELETE 2.0/mlflow-artifacts/artifacts/*
GET 2.0/mlflow-artifacts/artifacts/*
PUT 2.0/mlflow-artifacts/artifacts/*
POST 2.0/mlflow-artifacts/mpu/abort/*
POST 2.0/mlflow-artifacts/mpu/complete/*
POST 2.0/mlflow-artifacts/mpu/create/*
GET 2.0/mlflow-artifacts/presigned/*
GET 2.0/mlflow/artifacts/list
POST 2.0/mlflow/experiments/create
POST 2.0/mlflow/experiments/delete
POST 2.0/mlflow/experiments/delete-experiment-tag
GET 2.0/mlflow/experiments/get
GET 2.0/mlflow/experiments/get-by-name
POST 2.0/mlflow/experiments/restore
GET 2.0/mlflow/experiments/search
POST 2.0/mlflow/experiments/search
POST 2.0/mlflow/experiments/set-experiment-tag
POST 2.0/mlflow/experiments/update
POST 2.0/mlflow/logged-models
DELETE 2.0/mlflow/logged-models/*
GET 2.0/mlflow/logged-models/*
PATCH 2.0/mlflow/logged-models/*
POST 2.0/mlflow/logged-models/*/params
PATCH 2.0/mlflow/logged-models/*/tags
DELETE 2.0/mlflow/logged-models/*/tags/*
POST 2.0/mlflow/logged-models/search
GET 2.0/mlflow/metrics/get-history
POST 2.0/mlflow/model-versions/create
DELETE 2.0/mlflow/model-versions/delete
DELETE 2.0/mlflow/model-versions/delete-tag
GET 2.0/mlflow/model-versions/get
GET 2.0/mlflow/model-versions/get-download-uri
GET 2.0/mlflow/model-versions/search
POST 2.0/mlflow/model-versions/set-tag
POST 2.0/mlflow/model-versions/transition-stage
PATCH 2.0/mlflow/model-versions/update
DELETE 2.0/mlflow/registered-models/alias
GET 2.0/mlflow/registered-models/alias
POST 2.0/mlflow/registered-models/alias
POST 2.0/mlflow/registered-models/create
DELETE 2.0/mlflow/registered-models/delete
DELETE 2.0/mlflow/registered-models/delete-tag
GET 2.0/mlflow/registered-models/get
GET 2.0/mlflow/registered-models/get-latest-versions
POST 2.0/mlflow/registered-models/get-latest-versions
POST 2.0/mlflow/registered-models/rename
GET 2.0/mlflow/registered-models/search
POST 2.0/mlflow/registered-models/set-tag
PATCH 2.0/mlflow/registered-models/update
POST 2.0/mlflow/runs/create
POST 2.0/mlflow/runs/delete
POST 2.0/mlflow/runs/delete-tag
GET 2.0/mlflow/runs/get
POST 2.0/mlflow/runs/log-batch
POST 2.0/mlflow/runs/log-inputs
POST 2.0/mlflow/runs/log-metric
POST 2.0/mlflow/runs/log-model
POST 2.0/mlflow/runs/log-parameter
POST 2.0/mlflow/runs/outputs
POST 2.0/mlflow/runs/restore
POST 2.0/mlflow/runs/search
POST 2.0/mlflow/runs/set-tag
POST 2.0/mlflow/runs/update
GET 3.0/mlflow/server-info
`
  .trim()
  .split("\n")
  .map((line) => line.split(" ") as [method: string, path: string]);

const AZURE_ML =
  "/mlflow/v2.0/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/group" +
  "/providers/Microsoft.MachineLearningServices/workspaces/team-routes";

const SURFACES: [name: string, prefix: string][] = [
  ["/api", "/api/"],
  ["/ajax-api", "/ajax-api/"],
  ["/w/{workspace}/api", "/w/team-routes/api/"],
  ["/w/{workspace}/ajax-api", "/w/team-routes/ajax-api/"],
  ["Azure ML's address", `${AZURE_ML}/api/`],
];

const PERMISSIONS: Permission[] = ["read", "write", "manage", "keys", "secrets", "administer", "any", "none"];
const ALL_ROUTES = [...mlflowRoutes, ...restRoutes];

describe("route table", () => {
  test("every route has a permission, a method and a path", () => {
    for (const route of ALL_ROUTES) {
      expect(PERMISSIONS, route.name).toContain(route.permission);
      expect(route.method, route.name).toMatch(/^(GET|POST|PUT|PATCH|DELETE)$/);
      expect(route.path, route.name).not.toMatch(/^\/|\/$|^$/);
    }
  });

  test("no two routes of a table have one name, or one method and path", () => {
    for (const table of [mlflowRoutes, restRoutes]) {
      expect(duplicates(table.map(({ name }) => name))).toEqual([]);
      expect(duplicates(table.map(({ method, path }) => `${method} ${path.replace(/:\w+/g, ":")}`))).toEqual([]);
    }
  });

  test("only server_info and the OpenAPI document tell anything to a caller without credentials", () => {
    expect(ALL_ROUTES.filter(({ permission }) => permission === "none").map(({ name }) => name)).toEqual([
      "server_info",
      "openapi_get",
    ]);
  });

  test("what changes something needs more than the permission to read", () => {
    const readers = ALL_ROUTES.filter(({ method, permission }) => method !== "GET" && permission === "read");
    expect(readers.map(({ name }) => name).sort()).toEqual([
      "datasets_search",
      "experiments_search",
      "experiments_search_datasets",
      "graphql",
      "issues_search",
      "logged_models_search",
      "registered_models_latest_versions",
      "runs_search",
      "traces_metrics",
      "traces_search",
    ]);
  });

  test("every route is called by a test", () => {
    const tests = testSources();
    const untested = ALL_ROUTES.filter(({ name }) => !new RegExp(`\\b${name}\\b`).test(tests));
    expect(untested.map(({ name }) => name)).toEqual([]);
    expect(mlflowRoutes.map(({ name }) => name).sort()).toEqual(Object.keys(VALID).sort());
    expect(restRoutes.map(({ name }) => name).sort()).toEqual(Object.keys(VALID_REST).sort());
  });
});

describe("a caller without credentials", () => {
  const events = { noteDone: async () => {}, noteRefused: () => {} } as unknown as EventLog;
  const nobody = { realm: undefined as never, events, identify: () => ANONYMOUS, logError: expect.unreachable };

  for (const route of mlflowRoutes.filter(({ permission }) => permission !== "none")) {
    test(`${route.name}: is refused before anything is read`, async () => {
      const path = { model_id: "m", tag_key: "k", path: "a/b", name: "default" };
      const request = untouchable(route.method, targetOf(route, path));
      const { status, body } = await answerMlflow({ ...nobody, settings: { limitsBodies: false } }, request);
      expect(status).toBe(401);
      expect(JSON.parse(body as string).error_code).toBe("UNAUTHENTICATED");
    });
  }

  for (const route of restRoutes.filter(({ permission }) => permission !== "none")) {
    test(`${route.name}: is refused before anything is read`, async () => {
      const path = `/api/v1/${route.path.replace(/:\w+/g, "default")}`;
      const { status } = await restDispatcher(restRoutes)(nobody, untouchable(route.method, path));
      expect(status).toBe(401);
    });
  }

  test("server_info: answers", async () => {
    const request = untouchable("GET", "/api/3.0/mlflow/server-info");
    const { status } = await answerMlflow({ ...nobody, settings: { limitsBodies: false } }, request);
    expect(status).toBe(200);
  });
});

const { client, describe: describeServed } = served(["light", "strict", "azure"], { withWorld: false });

describeServed("over HTTP", ({ mode }) => {
  beforeAll(async () => {
    await client.call("workspaces_create", { name: "team-routes" });
  });

  for (const [surface, prefix] of SURFACES) {
    test(`every operation of MLflow's clients answers below ${surface}`, async () => {
      const missing: string[] = [];
      for (const [method, path] of CORE) {
        const { status, json } = await client.send(method, prefix + path.replaceAll("*", "some-id"));
        if (status === 404 && json?.error_code !== "RESOURCE_DOES_NOT_EXIST") missing.push(`${method} ${path}`);
        expect(status, `${method} ${path}`).toBeLessThan(500);
      }
      expect(missing).toEqual([]);
    });
  }

  test.each(["", "/w/team-routes", AZURE_ML])("a tracking address may end with slashes: %s//", async (prefix) => {
    for (const slashes of ["/", "//"]) {
      const target = `${prefix}${slashes}/api/2.0/mlflow/experiments/get?experiment_id=0`;
      const { status, json } = await client.send("GET", target);
      expect([status, json?.experiment?.name], target).toEqual([200, "Default"]);
    }
    expect((await client.send("GET", `${prefix}//ajax-api/2.0/mlflow/nothing`)).json.error_code).toBe(
      "ENDPOINT_NOT_FOUND",
    );
  });

  const worked = mode === "light" ? Object.entries(VALID) : [];

  for (const [name, valid] of worked)
    test(`${name}: does its work`, async () => {
      const request = valid(await createWorld(client));
      const { method, target, sending } = requestFor(routeNamed(name), request.input ?? {}, request.path);
      const answer = await client.send(method, target, request.body === undefined ? sending : { body: request.body });
      expect(answer.status, answer.text).toBe(request.status ?? 200);
    });

  test.each(["", "/w/team-routes", AZURE_ML])("what MLflow's page calls answers below %s/", async (prefix) => {
    const query = '{ mlflowGetExperiment(input: { experimentId: "0" }) { experiment { name workspace } } }';
    const { data } = (await client.send("POST", `${prefix}/graphql`, { json: { query } })).json;
    const workspace = prefix === "" ? "default" : "team-routes";
    expect(data.mlflowGetExperiment.experiment).toEqual({ name: "Default", workspace });
    for (const target of [
      `/get-artifact?run_id=${NO_RUN}&path=a`,
      "/model-versions/get-artifact?name=no&version=1&path=a",
    ]) {
      const { status, json } = await client.send("GET", prefix + target);
      expect([status, json.error_code], target).toEqual([404, "RESOURCE_DOES_NOT_EXIST"]);
    }
  });

  test("server_info: clients are told of workspaces, the page is not, since its links name none", async () => {
    const info = async (surface: string) => (await client.send("GET", `/${surface}/3.0/mlflow/server-info`)).json;
    expect([(await info("api")).workspaces_enabled, (await info("ajax-api")).workspaces_enabled]).toEqual([
      true,
      false,
    ]);
  });

  test("/health/dependencies: every store answers", async () => {
    const { status, json } = await client.send("GET", "/health/dependencies");
    expect([status, json]).toEqual([200, { documents: "ok", blobs: "ok", queue: "ok", secrets: "ok" }]);
  });

  test("health and version answer in plain text", async () => {
    expect((await client.send("GET", "/health")).text).toBe("OK");
    expect((await client.send("GET", "/version")).text).toMatch(/^\d+\.\d+\.\d+/);
  });

  test.each([
    ["GET", "/api/2.0/mlflow/nothing/here"],
    ["GET", "/api/2.0/mlflow/runs/create"],
    ["PUT", "/api/2.0/mlflow/runs/create"],
    ["DELETE", "/api/2.0/mlflow/experiments/get"],
    ["PATCH", "/api/2.0/mlflow/runs/update"],
    ["GET", "/api/2.0/mlflow//experiments/get"],
    ["GET", "/api/2.0/MLFLOW/experiments/get"],
    ["GET", "/api/3.0/mlflow/experiments/get"],
    ["POST", "/api/3.0/mlflow/traces"],
    ["GET", "/api/2.0/mlflow/experiments%2fget"],
    ["GET", "/api/2.0"],
    ["GET", "/ajax-api/2.0/mlflow/gateway/nothing"],
    ["GET", "/api/2.0/mlflow/gateway-proxy"],
    ["POST", "/api/3.0/mlflow/traces/search"],
    ["POST", "/w/team-routes/api/graphql"],
    ["GET", "/w/team-routes/api/2.0/mlflow/nothing"],
    ["GET", "/w/team-routes/nothing"],
    ["GET", `${AZURE_ML}/api/2.0/mlflow/nothing`],
    ["GET", "/mlflow/v2.0/subscriptions/x/api/2.0/mlflow/experiments/get"],
  ])("%s %s is no endpoint", async (method, path) => {
    const { status, json } = await client.send(method, path, method === "GET" ? {} : { json: {} });
    expect(status).toBe(404);
    expect(json?.error_code).toBe("ENDPOINT_NOT_FOUND");
  });
});

function duplicates(values: readonly string[]): string[] {
  return values.filter((value, i) => values.indexOf(value) !== i);
}

function testSources(): string {
  const root = join(import.meta.dirname, "..");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  return files.map((name) => readFileSync(join(root, name), "utf8")).join("\n");
}

/** A request whose body nobody may look at. */
function untouchable(method: string, target: string): AppRequest {
  return {
    method,
    url: `http://localhost${target}`,
    headers: { get: () => null },
    get body(): never {
      throw new Error("The body was read.");
    },
  };
}
