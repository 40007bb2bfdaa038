import { invalid } from "../../domain/errors.ts";
import { invalidValue } from "../../domain/validation.ts";
import { deleteEmptyWorkspace } from "../../domain/workspace-closing.ts";
import {
  DEFAULT_WORKSPACE,
  deleteWorkspace,
  getWorkspace,
  updateWorkspace,
  type WorkspaceInfo,
} from "../../domain/workspaces.ts";
import { createOwnWorkspace, visibleWorkspaces } from "../../http/workspace-access.ts";
import { optional, required, string, withDefault } from "../message.ts";
import { ok, route } from "../route.ts";

const ONE = "3.0/mlflow/workspaces/:name";

function workspaceJson({ name, description }: WorkspaceInfo) {
  return { name, ...(description && { description }) };
}

/** Every workspace keeps its artifacts in the account of the service. */
function refuseArtifactRoot(root: string | undefined): void {
  if (root) throw invalid("The parameter 'default_artifact_root' is not supported: artifacts are kept by the service.");
}

const MODES = ["RESTRICT", "CASCADE", "restrict", "cascade"] as const;

function requireOfferedMode(mode: string): (typeof MODES)[number] {
  if (MODES.includes(mode as (typeof MODES)[number])) return mode as (typeof MODES)[number];
  const accepted =
    "Accepted are RESTRICT, which refuses unless it is empty, and CASCADE, which removes everything in it.";
  if (mode.toUpperCase() === "SET_DEFAULT") {
    throw invalid(
      `Invalid deletion mode 'SET_DEFAULT': what is in a workspace cannot be moved to another one. ${accepted}`,
    );
  }
  throw invalidValue("mode", mode, accepted);
}

export const serverRoutes = [
  route({
    name: "server_info",
    method: "GET",
    path: "3.0/mlflow/server-info",
    permission: "none",
    outsideWorkspace: true,
    handle: ({ settings, surface }) =>
      ok({
        store_type: "SqlStore",
        // To its page each workspace is a server of its own: otherwise it sends links that name none to a choice of workspaces.
        workspaces_enabled: surface === "api",
        trace_archival_enabled: false,
        multipart_uploads_enabled: settings.limitsBodies,
        multipart_downloads_enabled: false,
        presigned_upload_run_id_supported: false,
        presigned_upload_model_id_supported: false,
        features_enabled: { gateway: false },
      }),
  }),
  route({
    name: "workspaces_list",
    method: "GET",
    path: "3.0/mlflow/workspaces",
    permission: "any",
    outsideWorkspace: true,
    handle: async ({ realm, caller }) =>
      ok({ workspaces: (await visibleWorkspaces(realm, caller)).map(workspaceJson) }),
  }),
  route({
    name: "workspaces_create",
    method: "POST",
    path: "3.0/mlflow/workspaces",
    permission: "administer",
    outsideWorkspace: true,
    request: {
      name: required(string),
      description: withDefault(string, ""),
      default_artifact_root: optional(string),
    },
    handle: async ({ realm, caller, input }) => {
      refuseArtifactRoot(input.default_artifact_root);
      if (input.name === DEFAULT_WORKSPACE) {
        throw invalid(`The '${DEFAULT_WORKSPACE}' workspace is reserved and cannot be created`);
      }
      const workspace = await createOwnWorkspace(realm, caller, input.name, input.description);
      return { ...ok({ workspace: workspaceJson(workspace) }), status: 201 };
    },
  }),
  route({
    name: "workspaces_get",
    method: "GET",
    path: ONE,
    permission: "read",
    outsideWorkspace: true,
    handle: async ({ realm, path }) => ok({ workspace: workspaceJson(await getWorkspace(realm, path.name)) }),
  }),
  route({
    name: "workspaces_update",
    method: "PATCH",
    path: ONE,
    permission: "manage",
    outsideWorkspace: true,
    request: { description: optional(string), default_artifact_root: optional(string) },
    handle: async ({ realm, path, input }) => {
      refuseArtifactRoot(input.default_artifact_root);
      if (input.description === undefined) throw invalid("Workspace update must have at least one key");
      const workspace = await updateWorkspace(realm, path.name, input.description);
      return ok({ workspace: workspaceJson(workspace) });
    },
  }),
  route({
    name: "workspaces_delete",
    method: "DELETE",
    path: ONE,
    permission: "manage",
    outsideWorkspace: true,
    request: {
      mode: withDefault(string, "RESTRICT"),
    },
    handle: async ({ realm, path, input }) => {
      const name = path.name;
      const mode = requireOfferedMode(input.mode);
      if (name === DEFAULT_WORKSPACE) throw invalid("The 'default' workspace is reserved and cannot be deleted");
      await (mode.toUpperCase() === "RESTRICT" ? deleteEmptyWorkspace : deleteWorkspace)(realm, name);
      return { status: 204 };
    },
  }),
];
