import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { permissionsDocument, runToken } from "../../scripts/lib/permissions.ts";
import type { Permission } from "../../shared/domain/access/roles.ts";
import type { Route } from "../../shared/http/serve.ts";
import { mlflowRoutes } from "../../shared/mlflow/dialect.ts";
import { restRoutes } from "../../shared/rest/routes.ts";
import { DAY } from "../domain/support.ts";
import { useGuarded } from "./guarded.ts";
import { type Answer, type Client, type Input, ok, requestFor } from "./support.ts";
import { VALID } from "./valid-requests.ts";
import { callRest, VALID_REST } from "./valid-rest.ts";
import { createRun, createWorld, type World } from "./world.ts";

/*
 * Every operation of both tables, called by every kind of caller in its own workspace, in a foreign one and in one that does not exist: what it says of
 * itself must hold. docs/permissions.md is made of the same tables.
 */

const DOCUMENT = readFileSync(join(import.meta.dirname, "..", "..", "docs", "permissions.md"), "utf8");
const OWN = "team-own";
const FOREIGN = "team-foreign";
const UNKNOWN = "team-unknown";

interface Row {
  readonly name: string;
  readonly isRest: boolean;
  readonly permission: Permission;
  readonly runToken: ReturnType<typeof runToken>;
}

const rowsOf = (routes: readonly Route[], isRest: boolean): Row[] =>
  routes.map((route) => ({ name: route.name, permission: route.permission, isRest, runToken: runToken(route) }));

const ROWS = [...rowsOf(mlflowRoutes, false), ...rowsOf(restRoutes, true)];

describe("docs/permissions.md", () => {
  test("is what the route tables say; npm run permissions writes it anew", () => {
    expect(DOCUMENT).toBe(permissionsDocument());
  });
});

const guarded = useGuarded();
let callers: Record<"reader" | "contributor" | "owner" | "stranger" | "revoked" | "expired", Client>;
let admin: Client;
/** In the own workspace; what is refused is refused here, so that nothing of it changes. */
let lasting: World;
let fresh = 0;

beforeAll(async () => {
  admin = guarded.admin;
  await guarded.createWorkspace(OWN);
  await guarded.createWorkspace(FOREIGN);
  const client = async (workspace: string, role: "reader" | "contributor" | "owner", more = {}) =>
    guarded.as((await guarded.keyFor(workspace, role, { expiresInDays: 3650, ...more })).secret);
  const revoked = await guarded.keyFor(OWN, "owner");
  await callRest(admin, "keys_revoke", { path: { workspace: OWN, keyId: revoked.keyId } });
  const expired = await guarded.keyFor(OWN, "owner", { expiresInDays: 1 });
  guarded.clock.pass(DAY);
  callers = {
    reader: await client(OWN, "reader"),
    contributor: await client(OWN, "contributor"),
    owner: await client(OWN, "owner"),
    stranger: await client(FOREIGN, "owner"),
    revoked: guarded.as(revoked.secret),
    expired: guarded.as(expired.secret),
  };
  lasting = await newWorld();
  // The first use of a key is noted.
  for (const one of Object.values(callers)) await callRest(one, "workspaces_list", {});
});

const newWorld = (): Promise<World> => createWorld(admin.under(`/w/${OWN}`));

async function tokenOf(runId: string): Promise<Client> {
  const { token } = await ok(callRest(admin, "runs_token", { path: { workspace: OWN, runId }, json: {} }));
  return guarded.as(token);
}

/** A client to which the workspace of the valid requests, `default`, is another one. */
function seenFrom(client: Client, workspace: string): Client {
  const inside = client.under(`/w/${workspace}`);
  return {
    ...inside,
    send: (method, path, sending) =>
      path.startsWith("/api/v1/")
        ? client.send(method, path.replace("/workspaces/default", `/workspaces/${workspace}`), sending)
        : inside.send(method, path, sending),
  };
}

interface Request {
  readonly input?: Input;
  readonly path?: Record<string, string>;
}

/** What MLflow's own routes of workspaces are about is in the path. */
function mlflowRequest(row: Row, world: World, workspace: string, more: Request = {}) {
  const valid = VALID[row.name]!(world);
  const isAboutWorkspace = /^workspaces_(get|update|delete)$/.test(row.name);
  const path = { ...valid.path, ...(isAboutWorkspace && { name: workspace }), ...more.path };
  const cascade = row.name === "workspaces_delete" ? { mode: "CASCADE" } : {};
  return { ...valid, path, input: { ...valid.input, ...cascade, ...more.input } };
}

async function callMlflow(client: Client, row: Row, world: World, workspace: string, more?: Request): Promise<Answer> {
  const route = mlflowRoutes.find(({ name }) => name === row.name)!;
  const { input, path, body } = mlflowRequest(row, world, workspace, more);
  const { target, method, sending } = requestFor(route, input ?? {}, path);
  const prefix = route.outsideWorkspace ? "" : `/w/${workspace}`;
  return client.send(method, prefix + target, body === undefined ? sending : { body });
}

async function callOperation(
  client: Client,
  row: Row,
  world: World,
  workspace: string,
  more?: Request,
): Promise<Answer> {
  if (!row.isRest) return callMlflow(client, row, world, workspace, more);
  const { before, ...request } = VALID_REST[row.name]!(needsMore(row) ? await newWorld() : world);
  // What must have happened before happens in the own workspace, whoever asks for which.
  await before?.(seenFrom(admin, OWN));
  return callRest(client, row.name, { ...request, path: { ...request.path, ...more?.path, workspace } });
}

/** Whether something must have happened before the operation. */
const needsMore = ({ isRest, name }: Row): boolean => isRest && VALID_REST[name]!(lasting).before !== undefined;

/** Calls what will be refused; nothing is written but the event that tells so. */
async function callInVain(client: Client, row: Row, workspace = OWN): Promise<Answer> {
  await guarded.app.events.settled();
  const before = guarded.app.writes();
  const answer = await callOperation(client, row, lasting, workspace);
  await guarded.app.events.settled();
  if (!needsMore(row)) expect(guarded.app.writes() - before).toBeLessThanOrEqual(1);
  return answer;
}

/** The status of success. */
function expectedStatus(row: Row): number {
  if (row.isRest) return restRoutes.find(({ name }) => name === row.name)!.status;
  if (row.name === "workspaces_delete") return 204;
  return VALID[row.name]!(lasting).status ?? 200;
}

/** A workspace that may be deleted, seen by an owner. */
async function passing(): Promise<{ name: string; owner: Client }> {
  const name = `passing-${++fresh}`;
  await guarded.createWorkspace(name);
  return { name, owner: guarded.as((await guarded.keyFor(name, "owner")).secret) };
}

/** From which caller on it is allowed: everybody, any caller, reader, contributor, owner, and the owners of `default`. */
const LEVELS: Record<Permission, number> = {
  none: 0,
  any: 1,
  read: 2,
  write: 3,
  manage: 4,
  secrets: 4,
  keys: 4,
  administer: 5,
};
const ROLE_LEVEL = { reader: 2, contributor: 3, owner: 4 } as const;

describe.each(ROWS.map((row) => [row.isRest ? "REST" : "MLflow", row.name, row] as const))("%s %s", (_, name, row) => {
  const level = LEVELS[row.permission];
  const isForEverybody = level === 0;
  const isInWorkspace = level >= 2 && row.permission !== "administer";
  const isDeletion = name === "workspaces_delete";

  test("nobody without credentials", async () => {
    for (const client of [guarded.app.client, callers.revoked, callers.expired]) {
      const { status } = await callInVain(client, row);
      expect(status).toBe(isForEverybody ? expectedStatus(row) : 401);
    }
  });

  test.each(["reader", "contributor", "owner"] as const)("%s", async (role) => {
    if (ROLE_LEVEL[role] < level) {
      const answer = await callInVain(callers[role], row);
      expect([answer.status, answer.json.error_code ?? answer.json.title]).toEqual([
        403,
        row.isRest ? "PermissionDenied" : "PERMISSION_DENIED",
      ]);
    } else if (isDeletion) {
      const { name: workspace, owner } = await passing();
      expect((await callOperation(owner, row, lasting, workspace)).status).toBe(expectedStatus(row));
    } else {
      const { status, text } = await callOperation(callers[role], row, await newWorld(), OWN);
      expect(status, text).toBe(expectedStatus(row));
    }
  });

  test("the owner of default", async () => {
    const workspace = isDeletion ? (await passing()).name : OWN;
    const { status, text } = await callOperation(admin, row, await newWorld(), workspace);
    expect(status, text).toBe(expectedStatus(row));
  });

  test("a foreign owner, to whom it is as if there were nothing", async () => {
    const foreign = await callInVain(callers.stranger, row);
    if (!isInWorkspace) {
      expect(foreign.status).toBe(level > 4 ? 403 : expectedStatus(row));
      expect(foreign.text).not.toContain(OWN);
      return;
    }
    expect(foreign.status, foreign.text).toBe(404);
    const unknown = await callInVain(callers.stranger, row, UNKNOWN);
    expect(unknown.status).toBe(404);
    expect(foreign.headers).toEqual(unknown.headers);
    expect(foreign.text.replaceAll(OWN, UNKNOWN)).toBe(unknown.text);
  });

  test("the token of a run", async () => {
    const world = row.runToken === "its own" ? await newWorld() : lasting;
    const own = await tokenOf(world.runId);
    const other = await tokenOf(await createRun(admin.under(`/w/${OWN}`), world.experimentId));
    const answer = await callOperation(own, row, world, OWN, await ofRun(row, world));
    expect(answer.status, answer.text).toBe(row.runToken === "no" ? 403 : expectedStatus(row));
    if (row.runToken === "its own" && !["registered_models_create", "runs_create"].includes(name)) {
      expect((await callOperation(other, row, await newWorld(), OWN)).status).toBe(403);
    }
    const elsewhere = await callOperation(own, row, world, FOREIGN);
    if (isInWorkspace) expect(elsewhere.status).toBe(404);
    else expect(elsewhere.status).toBe(row.runToken === "no" ? 403 : expectedStatus(row));
  });
});

/** Makes what a request names the run's own. */
async function ofRun(row: Row, world: World): Promise<Request> {
  if (row.isRest) return {};
  const { runId, experimentId } = world;
  if (row.name === "runs_create") return { input: { tags: [{ key: "mlflow.parentRunId", value: runId }] } };
  if (row.name === "experiments_create") return { input: { artifact_location: undefined } };
  if (!/^logged_models_(finalize|log_params|set_tags|delete_tag)$/.test(row.name)) return {};
  const tags = [{ key: "kind", value: "first" }];
  const input = { experiment_id: experimentId, name: "own", source_run_id: runId, tags };
  const { model } = await ok(admin.under(`/w/${OWN}`).call("logged_models_create", input));
  const { model_id } = model.info;
  return { path: { model_id }, ...(row.name !== "logged_models_delete_tag" && { input: { model_id } }) };
}

describe("what names something foreign indirectly", () => {
  let inside: Client;
  let theirs: World;

  beforeAll(async () => {
    theirs = await createWorld(admin.under(`/w/${FOREIGN}`));
    inside = callers.owner.under(`/w/${OWN}`);
  });

  const unknownRun = "0".repeat(32);

  test.each<[string, string, (world: World, runId: string, modelId: string) => Input]>([
    [
      "a run in a model version",
      "model_versions_create",
      (own, run_id) => ({ name: own.registeredModel, source: `runs:/${run_id}/m`, run_id }),
    ],
    [
      "a model in a model version",
      "model_versions_create",
      (own, _, model_id) => ({ name: own.registeredModel, source: `models:/${model_id}`, model_id }),
    ],
    [
      "an artifact URI",
      "model_versions_create",
      (own, run_id) => ({
        name: own.registeredModel,
        source: `mlflow-artifacts:/experiments/${theirs.experimentId}/${run_id}/artifacts/model`,
        run_id,
      }),
    ],
    [
      "a model in a metric",
      "runs_log_metric",
      (own, _, model_id) => ({ run_id: own.runId, key: "m", value: 1, timestamp: 1, model_id }),
    ],
    ["a run in a list of files", "run_artifacts_list", (_, run_id) => ({ run_id })],
    [
      "a run in a chart",
      "metrics_get_history_bulk_interval",
      (_, run_id) => ({ run_ids: [run_id], metric_key: "loss" }),
    ],
  ])("%s is answered as an unknown one", async (_, operation, input) => {
    const foreign = await inside.call(operation, input(lasting, theirs.runId, theirs.modelId));
    const noModel = `m-${unknownRun}`;
    const unknown = await inside.call(operation, input(lasting, unknownRun, noModel));
    expect(foreign.status).toBe(unknown.status);
    const text = foreign.text.replaceAll(theirs.runId, unknownRun).replaceAll(theirs.modelId, noModel);
    const withoutNumber = (answer: string) => answer.replace(/"version":"\d+"/, "");
    expect(withoutNumber(text)).toBe(withoutNumber(unknown.text));
    expect(foreign.text).not.toContain("loss");
  });

  test("an experiment in a search finds nothing", async () => {
    for (const operation of ["runs_search", "logged_models_search"]) {
      const answer = await inside.call(operation, { experiment_ids: [theirs.experimentId], max_results: 10 });
      expect(answer.status).toBe(200);
      expect(Object.values(answer.json).flat()).toEqual([]);
    }
  });

  test("an artifact path is below one's own workspace, whatever it says", async () => {
    expect((await inside.call("artifacts_download", {}, { path: theirs.artifact })).status).toBe(404);
    const { files } = await ok(inside.call("artifacts_list", { path: theirs.artifactFolder }));
    expect(files).toEqual([]);
  });

  test("a page token of another workspace is refused", async () => {
    const query = { max_results: 1, view_type: "ALL" };
    const { next_page_token } = await ok(admin.under(`/w/${FOREIGN}`).call("experiments_search", query));
    expect(next_page_token).toBeTruthy();
    expect((await inside.call("experiments_search", { ...query, page_token: next_page_token })).status).toBe(400);
  });
});

describe("the matrix", () => {
  const routes = restRoutes.map((route) =>
    route.name === "members_put" ? { ...route, permission: "read" as const } : route,
  );
  const planted = useGuarded({ routes });

  test("finds a route that lets in whom the tables do not", async () => {
    const { secret } = await planted.keyFor("default", "reader");
    const { status } = await callRest(planted.as(secret), "members_put", VALID_REST.members_put!(lasting));
    const documented = ROWS.find(({ name }) => name === "members_put")!;
    expect([documented.permission, status]).toEqual(["manage", 200]);
  });
});
