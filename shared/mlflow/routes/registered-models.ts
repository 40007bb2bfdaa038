import {
  createRegisteredModel,
  deleteAlias,
  deleteRegisteredModel,
  deleteRegisteredModelTag,
  getRegisteredModel,
  renameRegisteredModel,
  resolveAlias,
  setAlias,
  setRegisteredModelTag,
  updateRegisteredModel,
} from "../../domain/registry/models.ts";
import { registryIndex, searchRegisteredModels } from "../../domain/registry/registry-index.ts";
import type { RegisteredModel } from "../../domain/registry/types.ts";
import { getModelVersion, requireStage, requireVersionNumber } from "../../domain/registry/versions.ts";
import type { Workspace } from "../../domain/workspace.ts";
import { BATCH_BYTES } from "../../http/body.ts";
import { modelVersionJson, registeredModelJson, TAGS } from "../entities.ts";
import { parseRegisteredModelFilter, parseRegisteredModelOrder } from "../filter/registered-models.ts";
import { type Decoded, integer, list, optional, required, string, versionText, withDefault } from "../message.ts";
import { jsonPage, requireMaxResults } from "../paging.ts";
import { type Call, EMPTY, ok, route } from "../route.ts";

const BY_NAME = { name: required(string) };
const LATEST = { name: required(string), stages: withDefault(list(string), []) };

async function answer(workspace: Workspace, model: RegisteredModel) {
  const index = await registryIndex(workspace);
  return ok({ registered_model: registeredModelJson(model, index.latestVersions(model)) });
}

/** Of each stage asked for, or of all: the highest version. */
async function latestVersions({ workspace, input }: Call<Decoded<typeof LATEST>>) {
  const model = await getRegisteredModel(workspace, input.name);
  const stages = input.stages.map(requireStage);
  const index = await registryIndex(workspace);
  const latest = index.latestVersions(model);
  const wanted = latest.filter(({ version }) => stages.length === 0 || stages.includes(version.stage));
  return ok({ model_versions: wanted.map(modelVersionJson) });
}

const latest = {
  path: "2.0/mlflow/registered-models/get-latest-versions",
  permission: "read",
  request: LATEST,
  handle: latestVersions,
} as const;

export const registeredModelRoutes = [
  route({
    name: "registered_models_create",
    method: "POST",
    path: "2.0/mlflow/registered-models/create",
    permission: "write",
    mayBeFirst: true,
    maxBodyBytes: BATCH_BYTES,
    request: { name: required(string), tags: withDefault(TAGS, []), description: optional(string) },
    writes: () => ({ isNew: true }),
    handle: async ({ workspace, input }) =>
      ok({ registered_model: registeredModelJson(await createRegisteredModel(workspace, input), []) }),
  }),
  route({
    name: "registered_models_get",
    method: "GET",
    path: "2.0/mlflow/registered-models/get",
    permission: "read",
    request: BY_NAME,
    handle: async ({ workspace, input }) => answer(workspace, await getRegisteredModel(workspace, input.name)),
  }),
  route({
    name: "registered_models_search",
    method: "GET",
    path: "2.0/mlflow/registered-models/search",
    permission: "read",
    request: {
      filter: optional(string),
      max_results: withDefault(integer, 100),
      order_by: withDefault(list(string), []),
      page_token: optional(string),
    },
    handle: async ({ workspace, input }) => {
      const found = await searchRegisteredModels(workspace, {
        clauses: parseRegisteredModelFilter(input.filter ?? ""),
        orderBy: parseRegisteredModelOrder(input.order_by),
        limit: requireMaxResults(input.max_results, 1000),
        pageToken: input.page_token,
      });
      return jsonPage("registered_models", found.models, found, ({ model, latest: versions }) =>
        JSON.stringify(registeredModelJson(model, versions)),
      );
    },
  }),
  route({
    name: "registered_models_update",
    method: "PATCH",
    path: "2.0/mlflow/registered-models/update",
    permission: "write",
    request: { name: required(string), description: withDefault(string, "") },
    handle: async ({ workspace, input }) =>
      answer(workspace, await updateRegisteredModel(workspace, input.name, input.description)),
  }),
  route({
    name: "registered_models_rename",
    method: "POST",
    path: "2.0/mlflow/registered-models/rename",
    permission: "write",
    request: { name: required(string), new_name: required(string) },
    handle: async ({ workspace, input }) =>
      answer(workspace, await renameRegisteredModel(workspace, input.name, input.new_name)),
  }),
  route({
    name: "registered_models_delete",
    method: "DELETE",
    path: "2.0/mlflow/registered-models/delete",
    permission: "write",
    request: BY_NAME,
    handle: async ({ workspace, input }) => {
      await deleteRegisteredModel(workspace, input.name);
      return EMPTY;
    },
  }),
  route({ name: "registered_models_latest_versions", method: "POST", ...latest }),
  route({ name: "registered_models_latest_versions_get", method: "GET", ...latest }),
  route({
    name: "registered_models_set_tag",
    method: "POST",
    path: "2.0/mlflow/registered-models/set-tag",
    permission: "write",
    request: { name: required(string), key: required(string), value: withDefault(string, "") },
    handle: async ({ workspace, input }) => {
      await setRegisteredModelTag(workspace, input.name, input);
      return EMPTY;
    },
  }),
  route({
    name: "registered_models_delete_tag",
    method: "DELETE",
    path: "2.0/mlflow/registered-models/delete-tag",
    permission: "write",
    request: { name: required(string), key: required(string) },
    handle: async ({ workspace, input }) => {
      await deleteRegisteredModelTag(workspace, input.name, input.key);
      return EMPTY;
    },
  }),
  route({
    name: "registered_models_set_alias",
    method: "POST",
    path: "2.0/mlflow/registered-models/alias",
    permission: "write",
    request: { name: required(string), alias: required(string), version: required(versionText) },
    handle: async ({ workspace, input }) => {
      await setAlias(workspace, input.name, input.alias, requireVersionNumber(input.version));
      return EMPTY;
    },
  }),
  route({
    name: "registered_models_get_alias",
    method: "GET",
    path: "2.0/mlflow/registered-models/alias",
    permission: "read",
    request: { name: required(string), alias: required(string) },
    handle: async ({ workspace, input }) => {
      const version = await resolveAlias(workspace, input.name, input.alias);
      return ok({ model_version: modelVersionJson(await getModelVersion(workspace, input.name, String(version))) });
    },
  }),
  route({
    name: "registered_models_delete_alias",
    method: "DELETE",
    path: "2.0/mlflow/registered-models/alias",
    permission: "write",
    request: { name: required(string), alias: required(string) },
    handle: async ({ workspace, input }) => {
      await deleteAlias(workspace, input.name, input.alias);
      return EMPTY;
    },
  }),
];
