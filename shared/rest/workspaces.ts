import * as z from "zod/mini";
import { purgeExperiment, purgeRecord } from "../domain/purge/purge.ts";
import {
  createWorkspace,
  deleteWorkspace,
  getWorkspace,
  listWorkspaces,
  type WorkspaceInfo,
} from "../domain/workspaces.ts";
import { type RestRoute, restRoute } from "../http/rest.ts";

const WorkspaceBody = z.strictObject({
  name: z.string(),
  description: z._default(z.string().check(z.maxLength(500)), ""),
});

const WorkspaceJson = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  /** ISO 8601, UTC. */
  createdTime: z.string(),
});

const Accepted = z.object({ status: z.literal("purging") });

function workspaceJson({ id, name, description, createdMs }: WorkspaceInfo) {
  return { id, name, description, createdTime: new Date(createdMs).toISOString() };
}

const PURGING = { status: "purging" } as const;

/** Workspaces themselves, and the removal of things for good. */
export const workspaceRoutes: readonly RestRoute[] = [
  restRoute({
    name: "workspaces_list",
    method: "GET",
    path: "workspaces",
    permission: "read",
    returns: z.object({ value: z.array(WorkspaceJson) }),
    status: 200,
    do: async ({ realm }) => ({ value: (await listWorkspaces(realm)).map(workspaceJson) }),
  }),
  restRoute({
    name: "workspaces_create",
    method: "POST",
    path: "workspaces",
    permission: "manage",
    body: WorkspaceBody,
    returns: WorkspaceJson,
    status: 201,
    do: async ({ realm, body }) => workspaceJson(await createWorkspace(realm, body.name, body.description)),
  }),
  restRoute({
    name: "workspaces_get",
    method: "GET",
    path: "workspaces/:workspace",
    permission: "read",
    returns: WorkspaceJson,
    status: 200,
    do: async ({ realm, params }) => workspaceJson(await getWorkspace(realm, params.workspace!)),
  }),
  restRoute({
    name: "workspaces_delete",
    method: "DELETE",
    path: "workspaces/:workspace",
    permission: "manage",
    returns: Accepted,
    status: 202,
    do: async ({ realm, params }) => {
      await deleteWorkspace(realm, params.workspace!);
      return PURGING;
    },
  }),
  restRoute({
    name: "runs_purge",
    method: "DELETE",
    path: "workspaces/:workspace/runs/:runId",
    permission: "manage",
    returns: Accepted,
    status: 202,
    do: async ({ workspace, params }) => {
      await purgeRecord(await workspace(), "run", params.runId!);
      return PURGING;
    },
  }),
  restRoute({
    name: "models_purge",
    method: "DELETE",
    path: "workspaces/:workspace/logged-models/:modelId",
    permission: "manage",
    returns: Accepted,
    status: 202,
    do: async ({ workspace, params }) => {
      await purgeRecord(await workspace(), "model", params.modelId!);
      return PURGING;
    },
  }),
  restRoute({
    name: "experiments_purge",
    method: "DELETE",
    path: "workspaces/:workspace/experiments/:experimentId",
    permission: "manage",
    returns: Accepted,
    status: 202,
    do: async ({ workspace, params }) => {
      await purgeExperiment(await workspace(), params.experimentId!);
      return PURGING;
    },
  }),
];
