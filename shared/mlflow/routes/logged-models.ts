import { invalid } from "../../domain/errors.ts";
import {
  createLoggedModel,
  deleteLoggedModel,
  deleteLoggedModelTag,
  finalizeLoggedModel,
  getLoggedModel,
  type LoggedModel,
  logLoggedModelParams,
  setLoggedModelTags,
} from "../../domain/logged-models/models.ts";
import { searchLoggedModels } from "../../domain/logged-models/search.ts";
import { MODEL_STATUSES } from "../../domain/logged-models/types.ts";
import { BATCH_BYTES } from "../../http/body.ts";
import type { AppResponse } from "../../http/types.ts";
import { loggedModelJson, metricJson, TAGS } from "../entities.ts";
import { parseLoggedModelFilter, parseLoggedModelOrder } from "../filter/logged-models.ts";
import { bool, enumeration, integer, list, message, optional, required, string, withDefault } from "../message.ts";
import { jsonPage, requireMaxResults } from "../paging.ts";
import { creation, EMPTY, LOGGED, ok, okAround, route } from "../route.ts";

const MODEL_PATH = "2.0/mlflow/logged-models/:model_id";

/** Each model of a page is read by itself; who asks for more gets the next page token. */
const PAGE_LIMIT = 1000;

const STATUS = enumeration(MODEL_STATUSES);

const DATASET = message({ dataset_name: required(string), dataset_digest: optional(string) });

const ORDER = message({
  field_name: required(string),
  ascending: withDefault(bool, true),
  dataset_name: optional(string),
  dataset_digest: optional(string),
});

const DATASETS = list(DATASET);
const ORDERS = list(ORDER);

/** The id in the path decides; one in the body must agree. */
function modelId({ model_id: id }: { readonly model_id: string }, input?: { model_id?: string }): string {
  if (input?.model_id && input.model_id !== id) throw invalid("The path and the body name different logged models.");
  return id;
}

/** Its metrics stand last, and may be many. */
function answer({ view, points }: LoggedModel): AppResponse {
  return okAround(JSON.stringify({ model: loggedModelJson({ view, points: [] }) }), points, (point) =>
    metricJson(point),
  );
}

export const loggedModelRoutes = [
  creation({
    name: "logged_models_create",
    method: "POST",
    path: "2.0/mlflow/logged-models",
    permission: "write",
    mayBeFirst: true,
    maxBodyBytes: BATCH_BYTES,
    request: {
      experiment_id: required(string),
      name: optional(string),
      model_type: optional(string),
      source_run_id: optional(string),
      params: withDefault(TAGS, []),
      tags: withDefault(TAGS, []),
    },
    writes: ({ input }) => ({ runs: [input.source_run_id] }),
    handle: ({ workspace, input }) =>
      createLoggedModel(workspace, {
        experimentId: input.experiment_id,
        name: input.name,
        modelType: input.model_type,
        sourceRunId: input.source_run_id,
        params: input.params,
        tags: input.tags,
      }),
    made: ({ view }) => ({ modelId: view.attributes.modelId }),
    answer: (model) => ok({ model: loggedModelJson(model) }),
  }),
  route({
    name: "logged_models_search",
    method: "POST",
    path: "2.0/mlflow/logged-models/search",
    permission: "read",
    request: {
      experiment_ids: required(list(string)),
      filter: optional(string),
      datasets: withDefault(DATASETS, []),
      max_results: withDefault(integer, 100),
      order_by: withDefault(ORDERS, []),
      page_token: optional(string),
    },
    handle: async ({ workspace, input }) => {
      const found = await searchLoggedModels(workspace, input.experiment_ids, {
        filter: parseLoggedModelFilter(input.filter ?? ""),
        order: parseLoggedModelOrder(input.order_by),
        datasets: input.datasets.map(({ dataset_name, dataset_digest }) => ({
          name: dataset_name,
          ...(dataset_digest && { digest: dataset_digest }),
        })),
        limit: Math.min(requireMaxResults(input.max_results, 50_000), PAGE_LIMIT),
        pageToken: input.page_token,
      });
      return jsonPage("models", found.models, found, async ({ load }) => {
        const model = await load();
        return model && JSON.stringify(loggedModelJson(model));
      });
    },
  }),
  route({
    name: "logged_models_get",
    method: "GET",
    path: MODEL_PATH,
    permission: "read",
    request: { allow_deleted: withDefault(bool, false) },
    handle: async ({ workspace, input, path }) =>
      answer(await getLoggedModel(workspace, modelId(path), input.allow_deleted)),
  }),
  route({
    name: "logged_models_finalize",
    method: "PATCH",
    path: MODEL_PATH,
    permission: "write",
    request: { model_id: optional(string), status: required(STATUS) },
    writes: ({ input, path }) => ({ models: [modelId(path, input)], isEnd: true }),
    handle: async ({ workspace, input, path }) =>
      answer(await finalizeLoggedModel(workspace, modelId(path, input), input.status)),
  }),
  route({
    name: "logged_models_delete",
    method: "DELETE",
    path: MODEL_PATH,
    permission: "write",
    request: { model_id: optional(string) },
    handle: async ({ workspace, input, path }) => {
      await deleteLoggedModel(workspace, modelId(path, input));
      return EMPTY;
    },
  }),
  route({
    name: "logged_models_log_params",
    method: "POST",
    path: `${MODEL_PATH}/params`,
    permission: "write",
    withoutEvent: LOGGED,
    maxBodyBytes: BATCH_BYTES,
    request: { model_id: optional(string), params: withDefault(TAGS, []) },
    writes: ({ input, path }) => ({ models: [modelId(path, input)] }),
    handle: async ({ workspace, input, path }) => {
      await logLoggedModelParams(workspace, modelId(path, input), input.params);
      return EMPTY;
    },
  }),
  route({
    name: "logged_models_set_tags",
    method: "PATCH",
    path: `${MODEL_PATH}/tags`,
    permission: "write",
    withoutEvent: LOGGED,
    maxBodyBytes: BATCH_BYTES,
    request: { model_id: optional(string), tags: withDefault(TAGS, []) },
    writes: ({ input, path }) => ({ models: [modelId(path, input)] }),
    handle: async ({ workspace, input, path }) => {
      await setLoggedModelTags(workspace, modelId(path, input), input.tags);
      return answer(await getLoggedModel(workspace, modelId(path), true));
    },
  }),
  route({
    name: "logged_models_delete_tag",
    method: "DELETE",
    // Clients do not escape the key, which may contain slashes.
    path: `${MODEL_PATH}/tags/**:tag_key`,
    permission: "write",
    withoutEvent: LOGGED,
    writes: ({ path }) => ({ models: [modelId(path)] }),
    handle: async ({ workspace, path }) => {
      await deleteLoggedModelTag(workspace, modelId(path), path.tag_key);
      return EMPTY;
    },
  }),
];
