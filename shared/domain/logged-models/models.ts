import { invalid, notFound } from "../errors.ts";
import { findExperiment, getExperiment, requireActive } from "../experiments.ts";
import { compareHistory } from "../metrics/order.ts";
import type { Point } from "../metrics/points.ts";
import { originKey } from "../metrics/points.ts";
import { readAllPoints } from "../metrics/read.ts";
import { noteTrash } from "../purge/trash.ts";
import { changeRecord, createRecord, type Draft, type RecordView, readRecord } from "../record.ts";
import { checkedParam, checkedTag, type Tag } from "../tag.ts";
import { cut, LIMITS, requireLength } from "../validation.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { MODEL_STATUSES, type ModelAttributes, type ModelStatus } from "./types.ts";

/** A logged model of MLflow 3: the files, params and metrics of one trained model, apart from the run that made it. */
export interface LoggedModel {
  readonly view: RecordView<ModelAttributes>;
  /** Every value logged for it, in order of (timestamp, step, value). */
  readonly points: readonly Point[];
}

const MODEL_ID = /^m-[0-9a-f]{32}$/;

export const modelsScope = (workspace: Workspace, experimentId: string): string =>
  `${workspace.id}/${experimentId}/models`;

export async function createLoggedModel(
  workspace: Workspace,
  input: {
    experimentId: string;
    name?: string;
    modelType?: string;
    sourceRunId?: string;
    params: readonly Tag[];
    tags: readonly Tag[];
  },
): Promise<LoggedModel> {
  if (input.name) requireLoggedModelName(input.name);
  const experiment = await getExperiment(workspace, input.experimentId);
  requireActive(experiment);
  const modelId = `m-${workspace.ids.hex(16)}`;
  const nowMs = workspace.clock.now();
  const attributes: ModelAttributes = {
    kind: "model",
    modelId,
    experimentId: experiment.experimentId,
    name: input.name || `model-${workspace.ids.hex(4)}`,
    modelType: input.modelType ?? "",
    ...(input.sourceRunId && { sourceRunId: input.sourceRunId }),
    artifactUri: `${experiment.artifactLocation}/models/${modelId}/artifacts`,
    status: "LOGGED_MODEL_PENDING",
    createdMs: nowMs,
    updatedMs: nowMs,
    stage: "active",
  };
  const params = input.params.map((param) => checkedParam(param));
  const tags = input.tags.map((tag) => checkedTag(tag));
  const scope = modelsScope(workspace, experiment.experimentId);
  const view = await createRecord(workspace, runsPartition(workspace, modelId), scope, attributes, (draft) => {
    for (const { key, value } of params) draft.section("params").set(key, value);
    for (const { key, value } of tags) draft.section("tags").set(key, value);
  });
  return { view, points: [] };
}

/** @throws NotFound; also when it is deleted, unless `allowDeleted` */
export async function getLoggedModel(
  workspace: Workspace,
  modelId: string,
  allowDeleted = false,
): Promise<LoggedModel> {
  const view = await findRecord(workspace, modelId);
  if (!view || (view.attributes.stage === "deleted" && !allowDeleted)) throw modelNotFound(modelId);
  await requireExperimentOf(workspace, view.attributes);
  return { view, points: await readModelPoints(workspace, modelId) };
}

/** Every value logged for a model. */
async function readModelPoints(workspace: Workspace, modelId: string): Promise<Point[]> {
  return sortedPoints(await readAllPoints(workspace, runsPartition(workspace, modelId)));
}

/** In order of (timestamp, step, value), exact duplicates once; sorts in place. */
export function sortedPoints(points: Point[]): Point[] {
  points.sort(
    (a, b) =>
      compareHistory(a, b) || compareTexts(a.key, b.key) || compareTexts(originKey(a.origin), originKey(b.origin)),
  );
  return points.filter((point, i) => i === 0 || !isSame(points[i - 1]!, point));
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isSame(a: Point, b: Point): boolean {
  return a.key === b.key && compareHistory(a, b) === 0 && originKey(a.origin) === originKey(b.origin);
}

/** Ends the upload of a model. */
export async function finalizeLoggedModel(
  workspace: Workspace,
  modelId: string,
  status: ModelStatus,
): Promise<LoggedModel> {
  if (!MODEL_STATUSES.includes(status)) {
    throw invalid(`Invalid model status '${cut(String(status))}'. Accepted are ${MODEL_STATUSES.join(", ")}.`);
  }
  await changeLoggedModel(workspace, modelId, (draft) =>
    draft.update({ status, updatedMs: updatedNow(workspace, draft) }),
  );
  return getLoggedModel(workspace, modelId, true);
}

/** Soft-deletes; a model that is deleted already stays so since then. */
export async function deleteLoggedModel(workspace: Workspace, modelId: string): Promise<void> {
  await changeLoggedModel(workspace, modelId, async (draft) => {
    const updatedMs = updatedNow(workspace, draft);
    draft.update({ updatedMs });
    if (draft.attributes.stage === "deleted") return;
    const deletedMs = workspace.clock.now();
    await noteTrash(workspace, "model", modelId, deletedMs);
    draft.update({ stage: "deleted", deletedMs });
  });
}

/** As in MLflow, the status and the deletion of a model move the time of its last update, its tags and params do not. */
function updatedNow(workspace: Workspace, { attributes }: Draft<ModelAttributes>): number {
  return Math.max(workspace.clock.now(), attributes.updatedMs);
}

export async function setLoggedModelTags(workspace: Workspace, modelId: string, tags: readonly Tag[]): Promise<void> {
  const checked = tags.map((tag, i) => checkedTag(tag, `tags[${i}]`));
  await changeLoggedModel(workspace, modelId, (draft) => {
    for (const { key, value } of checked) draft.section("tags").set(key, value);
  });
}

/** @throws NotFound when the model has no such tag */
export async function deleteLoggedModelTag(workspace: Workspace, modelId: string, key: string): Promise<void> {
  await changeLoggedModel(workspace, modelId, (draft) => {
    if (!draft.section("tags").delete(key)) {
      throw notFound(`No tag with key ${cut(key)!} found for logged model with ID '${modelId}'.`);
    }
  });
}

/** Params of a model never change: the same value again is fine. */
export async function logLoggedModelParams(
  workspace: Workspace,
  modelId: string,
  params: readonly Tag[],
): Promise<void> {
  const checked = params.map((param) => checkedParam(param));
  await changeLoggedModel(workspace, modelId, (draft) => {
    const section = draft.section("params");
    for (const { key, value } of checked) {
      const before = section.entries.get(key);
      if (before !== undefined && before !== value) {
        throw invalid(
          `Changing param values is not allowed. Param with key='${key}' was already logged with value='${cut(before)}' for ` +
            `model ID='${modelId}'. Attempted logging new value '${cut(value)}'.`,
        );
      }
      section.set(key, value);
    }
  });
}

/** Edits a model, deleted or not. @throws NotFound */
export async function changeLoggedModel(
  workspace: Workspace,
  modelId: string,
  edit: (draft: Draft<ModelAttributes>) => void | Promise<void>,
): Promise<void> {
  if (!MODEL_ID.test(modelId)) throw modelNotFound(modelId);
  const found = await changeRecord<ModelAttributes, boolean>(
    workspace,
    runsPartition(workspace, modelId),
    async (draft) => {
      await requireExperimentOf(workspace, draft.attributes);
      await edit(draft);
      return true;
    },
  );
  if (!found) throw modelNotFound(modelId);
}

async function findRecord(workspace: Workspace, modelId: string): Promise<RecordView<ModelAttributes> | undefined> {
  if (!MODEL_ID.test(modelId)) return undefined;
  return readRecord<ModelAttributes>(workspace, runsPartition(workspace, modelId));
}

/** With an experiment that is purged its models are gone at once. @throws NotFound */
async function requireExperimentOf(workspace: Workspace, { experimentId, modelId }: ModelAttributes): Promise<void> {
  if (!(await findExperiment(workspace, experimentId))) throw modelNotFound(modelId);
}

function requireLoggedModelName(name: string): void {
  if (!/[/:.%"']/.test(name)) {
    requireLength("Logged model name", name, LIMITS.experimentName);
    return;
  }
  throw invalid(
    `Invalid model name (${cut(name)}) provided. Model name must be a non-empty string and cannot contain the following ` +
      `characters: ('/', ':', '.', '%', '"', "'").`,
  );
}

export function modelNotFound(modelId: string): Error {
  return notFound(`Logged model with ID '${cut(modelId)}' not found.`);
}
