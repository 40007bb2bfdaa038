import { restRoutes } from "../../shared/rest/routes.ts";
import { type Answer, type Client, type Input, ok, queryOf, targetOf } from "./support.ts";
import type { World } from "./world.ts";

export interface ValidRestRequest {
  /** Path parameters; `workspace` is `default` unless said otherwise. */
  readonly path?: Record<string, string>;
  readonly query?: Input;
  readonly json?: Input;
  /** What must have happened. */
  readonly before?: (client: Client) => Promise<unknown>;
}

let fresh = 0;

/** One request for each REST operation that succeeds in a fresh world, with every field that the operation knows. */
export const VALID_REST: Record<string, (world: World) => ValidRestRequest> = {
  workspaces_list: () => ({}),
  workspaces_create: () => ({ json: { name: `fresh-${process.pid}-${++fresh}`, description: "d" } }),
  workspaces_get: () => ({}),
  workspaces_update: () => ({ json: { description: "anew" } }),
  workspaces_delete: () => {
    const workspace = `gone-${process.pid}-${++fresh}`;
    return {
      path: { workspace },
      before: (client) => ok(callRest(client, "workspaces_create", { json: { name: workspace } })),
    };
  },
  runs_purge: ({ deletedRunId }) => ({ path: { runId: deletedRunId } }),
  models_purge: ({ modelId }) => ({
    path: { modelId },
    before: (client) => ok(client.call("logged_models_delete", {}, { model_id: modelId })),
  }),
  experiments_purge: ({ deletedExperimentId }) => ({ path: { experimentId: deletedExperimentId } }),
  members_list: () => ({}),
  members_put: () => ({ path: { member: "Ada@example.org" }, json: { role: "contributor" } }),
  members_delete: () => ({
    path: { member: "leaver" },
    before: (client) => ok(callRest(client, "members_put", { path: { member: "leaver" }, json: { role: "reader" } })),
  }),
  keys_list: () => ({ before: (client) => makeKey(client) }),
  keys_create: () => ({
    json: { name: "training", member: "ada", role: "contributor", expiresInDays: 7 },
    before: (client) => ok(callRest(client, "members_put", { path: { member: "ada" }, json: { role: "contributor" } })),
  }),
  keys_revoke: () => {
    const path = { keyId: "0123456789abcdef" };
    return { path, before: async (client) => Object.assign(path, { keyId: (await makeKey(client)).key.id }) };
  },
  runs_token: ({ runId }) => ({ path: { runId }, json: { leaseSeconds: 60, longestSeconds: 3600 } }),
  secrets_list: () => ({ before: (client) => setSecret(client, "listed") }),
  secrets_set: () => ({ path: { secret: `set-${process.pid}-${++fresh}` }, json: { value: "v" } }),
  secrets_read: () => ({ path: { secret: "read" }, before: (client) => setSecret(client, "read") }),
  secrets_delete: () => ({ path: { secret: "deleted" }, before: (client) => setSecret(client, "deleted") }),
  events_list: () => ({
    query: {
      from: "2020-01-01T00:00:00Z",
      to: "2100-01-01T00:00:00Z",
      action: "runs_create",
      outcome: "allowed",
      caller: "loopback",
      resource: "r",
      pageSize: 10,
    },
  }),
  openapi_get: () => ({}),
};

const setSecret = (client: Client, secret: string) =>
  ok(callRest(client, "secrets_set", { path: { secret }, json: { value: "v" } }));

async function makeKey(client: Client) {
  await ok(callRest(client, "members_put", { path: { member: "maker" }, json: { role: "reader" } }));
  return ok(callRest(client, "keys_create", { json: { name: "k", member: "maker" } }));
}

export async function callRest(client: Client, name: string, request: ValidRestRequest): Promise<Answer> {
  const route = restRoutes.find((it) => it.name === name);
  if (!route) throw new Error(`No REST operation is named ${name}.`);
  await request.before?.(client);
  const target = targetOf(route, { workspace: "default", ...request.path }, "/api/v1/");
  const query = queryOf(request.query ?? {});
  return client.send(route.method, query === "" ? target : `${target}?${query}`, { json: request.json });
}
