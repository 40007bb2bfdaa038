import * as z from "zod/mini";
import { type Purged, purgeExperiment, purgeRecord } from "../../domain/purge/purge.ts";
import {
  deleteWorkspace,
  getWorkspace,
  MAX_DESCRIPTION,
  updateWorkspace,
  WORKSPACE_NAME,
  type WorkspaceInfo,
} from "../../domain/workspaces.ts";
import { createOwnWorkspace, visibleWorkspaces } from "../../http/workspace-access.ts";
import { textOfAtMost } from "../max-characters.ts";
import { EXPERIMENT, MODEL, RUN, WORKSPACE } from "../parameters.ts";
import { type RestRoute, restRoute } from "../route.ts";

const Name = z
  .string()
  .check(
    z.regex(
      WORKSPACE_NAME,
      "2 to 32 lower-case letters, digits and hyphens are expected, with a letter or digit at both ends",
    ),
    z.describe("Unique; the part of the address after /w/."),
  );
const Description = textOfAtMost(MAX_DESCRIPTION, "For people.");

const NewWorkspace = z
  .strictObject({ name: Name, description: z._default(Description, "") })
  .check(z.meta({ id: "NewWorkspace" }));

const WorkspaceChanges = z.strictObject({ description: Description }).check(z.meta({ id: "WorkspaceChanges" }));

const WorkspaceJson = z
  .object({
    id: z.string().check(z.describe("Never used again, unlike the name.")),
    name: Name,
    description: Description,
    createdTime: z.iso.datetime().check(z.describe("UTC.")),
  })
  .check(z.meta({ id: "Workspace" }));

const Accepted = z
  .object({ status: z.literal("purging") })
  .check(z.meta({ id: "Accepted", description: "It is gone for everybody; what it kept is being removed." }));

const Purging = z
  .extend(Accepted, {
    kept: z
      .optional(z.array(z.object({ name: z.string(), version: z.string() })))
      .check(
        z.describe(
          "Model versions that are made of its files, the first hundred: those files stay until the versions are deleted.",
        ),
      ),
  })
  .check(z.meta({ id: "Purging", description: "It is gone for everybody; what it kept is being removed." }));

function workspaceJson({ id, name, description, createdMs }: WorkspaceInfo) {
  return { id, name, description, createdTime: new Date(createdMs).toISOString() };
}

const PURGING = { status: "purging" } as const;

function purgingJson({ kept }: Purged) {
  if (kept.length === 0) return PURGING;
  return { ...PURGING, kept: kept.map(({ name, version }) => ({ name, version: String(version) })) };
}

/** Workspaces themselves, and the removal of things for good. */
export const workspaceRoutes: readonly RestRoute[] = [
  restRoute({
    name: "workspaces_list",
    summary: "List the workspaces that the caller has a part in, in order of name.",
    method: "GET",
    path: "workspaces",
    permission: "any",
    returns: z.object({ value: z.array(WorkspaceJson) }),
    status: 200,
    do: async ({ realm, caller }) => ({ value: (await visibleWorkspaces(realm, caller)).map(workspaceJson) }),
  }),
  restRoute({
    name: "workspaces_create",
    summary: "Create a workspace; the caller is its owner.",
    method: "POST",
    path: "workspaces",
    permission: "administer",
    body: NewWorkspace,
    about: ["name"],
    returns: WorkspaceJson,
    status: 201,
    refusals: ["AlreadyExists"],
    do: async ({ realm, caller, body }) =>
      workspaceJson(await createOwnWorkspace(realm, caller, body.name, body.description)),
  }),
  restRoute({
    name: "workspaces_get",
    summary: "Show a workspace.",
    method: "GET",
    path: "workspaces/:workspace",
    params: { workspace: WORKSPACE },
    permission: "read",
    returns: WorkspaceJson,
    status: 200,
    do: async ({ realm, params }) => workspaceJson(await getWorkspace(realm, params.workspace)),
  }),
  restRoute({
    name: "workspaces_update",
    summary: "Describe a workspace anew.",
    method: "PATCH",
    path: "workspaces/:workspace",
    params: { workspace: WORKSPACE },
    permission: "manage",
    body: WorkspaceChanges,
    returns: WorkspaceJson,
    status: 200,
    do: async ({ realm, params, body }) =>
      workspaceJson(await updateWorkspace(realm, params.workspace, body.description)),
  }),
  restRoute({
    name: "workspaces_delete",
    summary: "Delete a workspace with everything in it, for good; `default` stays.",
    method: "DELETE",
    path: "workspaces/:workspace",
    params: { workspace: WORKSPACE },
    permission: "manage",
    returns: Accepted,
    status: 202,
    refusals: ["InvalidState"],
    do: async ({ realm, params }) => {
      await deleteWorkspace(realm, params.workspace);
      return PURGING;
    },
  }),
  restRoute({
    name: "runs_purge",
    summary:
      "Remove a deleted run for good: metrics, artifacts and all, but for files that a model version is made of.",
    method: "DELETE",
    path: "workspaces/:workspace/runs/:runId",
    params: { workspace: WORKSPACE, runId: RUN },
    permission: "manage",
    returns: Purging,
    status: 202,
    refusals: ["InvalidState"],
    do: async ({ workspace, params }) => purgingJson(await purgeRecord(workspace, "run", params.runId)),
  }),
  restRoute({
    name: "models_purge",
    summary: "Remove a deleted logged model for good.",
    method: "DELETE",
    path: "workspaces/:workspace/logged-models/:modelId",
    params: { workspace: WORKSPACE, modelId: MODEL },
    permission: "manage",
    returns: Purging,
    status: 202,
    refusals: ["InvalidState"],
    do: async ({ workspace, params }) => purgingJson(await purgeRecord(workspace, "model", params.modelId)),
  }),
  restRoute({
    name: "experiments_purge",
    summary: "Remove a deleted experiment for good, with its runs and logged models.",
    method: "DELETE",
    path: "workspaces/:workspace/experiments/:experimentId",
    params: { workspace: WORKSPACE, experimentId: EXPERIMENT },
    permission: "manage",
    returns: Purging,
    status: 202,
    refusals: ["InvalidState"],
    do: async ({ workspace, params }) => purgingJson(await purgeExperiment(workspace, params.experimentId)),
  }),
];
