import { noteModelVersion } from "../../domain/logged-models/registrations.ts";
import { createModelVersion } from "../../domain/registry/create-version.ts";
import { searchModelVersions } from "../../domain/registry/registry-index.ts";
import { isPrompt } from "../../domain/registry/source.ts";
import type { NamedVersion } from "../../domain/registry/types.ts";
import {
  deleteModelVersion,
  deleteModelVersionTag,
  getModelVersion,
  setModelVersionTag,
  transitionStage,
  updateModelVersion,
} from "../../domain/registry/versions.ts";
import { BATCH_BYTES } from "../../http/body.ts";
import { modelVersionJson, TAGS } from "../entities.ts";
import { parseModelVersionFilter, parseModelVersionOrder } from "../filter/model-versions.ts";
import { bool, integer, list, optional, required, string, versionText, withDefault } from "../message.ts";
import { jsonPage, requireMaxResults } from "../paging.ts";
import { creation, EMPTY, ok, route } from "../route.ts";

const BY_VERSION = { name: required(string), version: required(versionText) };

const answer = (version: NamedVersion) => ok({ model_version: modelVersionJson(version) });

export const modelVersionRoutes = [
  creation({
    name: "model_versions_create",
    method: "POST",
    path: "2.0/mlflow/model-versions/create",
    permission: "write",
    maxBodyBytes: BATCH_BYTES,
    request: {
      name: required(string),
      source: required(string),
      run_id: optional(string),
      tags: withDefault(TAGS, []),
      run_link: optional(string),
      description: optional(string),
      model_id: optional(string),
    },
    writes: ({ input }) => ({
      runs: input.run_id ? [input.run_id] : [],
      models: input.model_id ? [input.model_id] : [],
      source: { source: input.source, runId: input.run_id, modelId: input.model_id },
    }),
    handle: async ({ workspace, input }) => {
      const { name, source, run_id: runId, tags, run_link: runLink, description, model_id: modelId } = input;
      const version = await createModelVersion(workspace, {
        name,
        source,
        runId,
        tags,
        runLink,
        description,
        modelId,
      });
      if (version.version.modelId && !isPrompt(tags)) {
        await noteModelVersion(workspace, version.version.modelId, name, version.version.version);
      }
      return version;
    },
    made: ({ version }) => ({ version: String(version.version) }),
    answer,
  }),
  route({
    name: "model_versions_get",
    method: "GET",
    path: "2.0/mlflow/model-versions/get",
    permission: "read",
    request: BY_VERSION,
    handle: async ({ workspace, input }) => answer(await getModelVersion(workspace, input.name, input.version)),
  }),
  route({
    name: "model_versions_search",
    method: "GET",
    path: "2.0/mlflow/model-versions/search",
    permission: "read",
    request: {
      filter: optional(string),
      max_results: withDefault(integer, 10_000),
      order_by: withDefault(list(string), []),
      page_token: optional(string),
    },
    handle: async ({ workspace, input }) => {
      const found = await searchModelVersions(workspace, {
        clauses: parseModelVersionFilter(input.filter ?? ""),
        orderBy: parseModelVersionOrder(input.order_by),
        limit: requireMaxResults(input.max_results, 200_000),
        pageToken: input.page_token,
      });
      return jsonPage("model_versions", found.versions, found, (version) => JSON.stringify(modelVersionJson(version)));
    },
  }),
  route({
    name: "model_versions_update",
    method: "PATCH",
    path: "2.0/mlflow/model-versions/update",
    permission: "write",
    request: { ...BY_VERSION, description: withDefault(string, "") },
    handle: async ({ workspace, input }) =>
      answer(await updateModelVersion(workspace, input.name, input.version, input.description)),
  }),
  route({
    name: "model_versions_transition_stage",
    method: "POST",
    path: "2.0/mlflow/model-versions/transition-stage",
    permission: "write",
    request: {
      ...BY_VERSION,
      stage: required(string),
      archive_existing_versions: withDefault(bool, false),
    },
    handle: async ({ workspace, input }) => {
      const { name, version, stage, archive_existing_versions } = input;
      return answer(await transitionStage(workspace, name, version, stage, archive_existing_versions));
    },
  }),
  route({
    name: "model_versions_delete",
    method: "DELETE",
    path: "2.0/mlflow/model-versions/delete",
    permission: "write",
    request: BY_VERSION,
    handle: async ({ workspace, input }) => {
      await deleteModelVersion(workspace, input.name, input.version);
      return EMPTY;
    },
  }),
  route({
    name: "model_versions_get_download_uri",
    method: "GET",
    path: "2.0/mlflow/model-versions/get-download-uri",
    permission: "read",
    request: BY_VERSION,
    handle: async ({ workspace, input }) => {
      const { version } = await getModelVersion(workspace, input.name, input.version);
      return ok({ artifact_uri: version.storageLocation });
    },
  }),
  route({
    name: "model_versions_set_tag",
    method: "POST",
    path: "2.0/mlflow/model-versions/set-tag",
    permission: "write",
    request: { ...BY_VERSION, key: required(string), value: withDefault(string, "") },
    handle: async ({ workspace, input }) => {
      await setModelVersionTag(workspace, input.name, input.version, input);
      return EMPTY;
    },
  }),
  route({
    name: "model_versions_delete_tag",
    method: "DELETE",
    path: "2.0/mlflow/model-versions/delete-tag",
    permission: "write",
    request: { ...BY_VERSION, key: required(string) },
    handle: async ({ workspace, input }) => {
      await deleteModelVersionTag(workspace, input.name, input.version, input.key);
      return EMPTY;
    },
  }),
];
