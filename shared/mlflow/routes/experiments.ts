import { notFound } from "../../domain/errors.ts";
import { searchExperiments } from "../../domain/experiment-search.ts";
import {
  createExperiment,
  deleteExperiment,
  deleteExperimentTag,
  findExperimentByName,
  getExperiment,
  renameExperiment,
  restoreExperiment,
  setExperimentTag,
} from "../../domain/experiments.ts";
import { cut } from "../../domain/validation.ts";
import { experimentJson, TAGS } from "../entities.ts";
import { parseExperimentFilter, parseExperimentOrder } from "../filter/experiments.ts";
import { type Decoded, integer, list, optional, required, string, withDefault } from "../message.ts";
import { jsonPage, requireMaxResults, VIEW_TYPE } from "../paging.ts";
import { type Call, creation, EMPTY, ok, route } from "../route.ts";

const BY_ID = { experiment_id: required(string) };

const SEARCH = {
  max_results: withDefault(integer, 0),
  page_token: optional(string),
  filter: optional(string),
  order_by: withDefault(list(string), []),
  view_type: withDefault(VIEW_TYPE, "ACTIVE_ONLY"),
};

const search = {
  path: "2.0/mlflow/experiments/search",
  permission: "read",
  request: SEARCH,
} as const;

async function handleSearch({ workspace, input }: Call<Decoded<typeof SEARCH>>) {
  const found = await searchExperiments(workspace, {
    clauses: parseExperimentFilter(input.filter ?? ""),
    orderBy: parseExperimentOrder(input.order_by),
    view: input.view_type,
    limit: requireMaxResults(input.max_results, 50_000),
    pageToken: input.page_token,
  });
  return jsonPage("experiments", found.experiments, found, (experiment) =>
    JSON.stringify(experimentJson(workspace, experiment)),
  );
}

export const experimentRoutes = [
  creation({
    name: "experiments_create",
    method: "POST",
    path: "2.0/mlflow/experiments/create",
    permission: "write",
    mayBeFirst: true,
    request: {
      name: required(string),
      artifact_location: optional(string),
      tags: withDefault(TAGS, []),
    },
    writes: ({ input }) => ({ isNew: !input.artifact_location }),
    handle: async ({ workspace, input }) => {
      const { name, artifact_location: artifactLocation, tags } = input;
      return createExperiment(workspace, { name, artifactLocation, tags });
    },
    made: (experimentId) => ({ experimentId }),
    answer: (experimentId) => ok({ experiment_id: experimentId }),
  }),
  route({
    name: "experiments_get",
    method: "GET",
    path: "2.0/mlflow/experiments/get",
    permission: "read",
    request: BY_ID,
    handle: async ({ workspace, input }) =>
      ok({ experiment: experimentJson(workspace, await getExperiment(workspace, input.experiment_id)) }),
  }),
  route({
    name: "experiments_get_by_name",
    method: "GET",
    path: "2.0/mlflow/experiments/get-by-name",
    permission: "read",
    request: { experiment_name: required(string) },
    handle: async ({ workspace, input }) => {
      const experiment = await findExperimentByName(workspace, input.experiment_name);
      if (!experiment) throw notFound(`Could not find experiment with name '${cut(input.experiment_name)}'`);
      return ok({ experiment: experimentJson(workspace, experiment) });
    },
  }),
  route({ name: "experiments_search", method: "POST", ...search, handle: handleSearch }),
  route({ name: "experiments_search_get", method: "GET", ...search, handle: handleSearch }),
  route({
    name: "experiments_update",
    method: "POST",
    path: "2.0/mlflow/experiments/update",
    permission: "write",
    mayBeFirst: true,
    request: { experiment_id: required(string), new_name: required(string) },
    handle: async ({ workspace, input }) => {
      await renameExperiment(workspace, input.experiment_id, input.new_name);
      return EMPTY;
    },
  }),
  route({
    name: "experiments_delete",
    method: "POST",
    path: "2.0/mlflow/experiments/delete",
    permission: "write",
    request: BY_ID,
    handle: async ({ workspace, input }) => {
      await deleteExperiment(workspace, input.experiment_id);
      return EMPTY;
    },
  }),
  route({
    name: "experiments_restore",
    method: "POST",
    path: "2.0/mlflow/experiments/restore",
    permission: "write",
    request: BY_ID,
    handle: async ({ workspace, input }) => {
      await restoreExperiment(workspace, input.experiment_id);
      return EMPTY;
    },
  }),
  route({
    name: "experiments_set_tag",
    method: "POST",
    path: "2.0/mlflow/experiments/set-experiment-tag",
    permission: "write",
    mayBeFirst: true,
    request: { experiment_id: required(string), key: required(string), value: withDefault(string, "") },
    handle: async ({ workspace, input }) => {
      await setExperimentTag(workspace, input.experiment_id, input);
      return EMPTY;
    },
  }),
  route({
    name: "experiments_delete_tag",
    method: "POST",
    path: "2.0/mlflow/experiments/delete-experiment-tag",
    permission: "write",
    request: { experiment_id: required(string), key: required(string) },
    handle: async ({ workspace, input }) => {
      await deleteExperimentTag(workspace, input.experiment_id, input.key);
      return EMPTY;
    },
  }),
];
