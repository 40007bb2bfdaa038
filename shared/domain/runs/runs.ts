import { runStateEntered } from "../../signals.ts";
import { invalid, notFound } from "../errors.ts";
import type { Experiment } from "../experiments.ts";
import { effectiveStage, getExperiment, requireActive } from "../experiments.ts";
import { type Int64, storedInt64 } from "../int64.ts";
import { becomeQuiet, endQuiet, FOLD_WORTHWHILE, SETTLED_AFTER_MS, suggestFold } from "../metrics/fold.ts";
import type { Point } from "../metrics/points.ts";
import { readWithLatest } from "../metrics/read.ts";
import { noteTrash } from "../purge/trash.ts";
import {
  type ChangeOptions,
  changeRecord,
  createRecord,
  type Draft,
  getHead,
  type RecordView,
  recallHead,
} from "../record.ts";
import type { Stage } from "../stage.ts";
import { checkedTag, type Tag } from "../tag.ts";
import { cut, LIMITS, requireRunId, truncated } from "../validation.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { randomRunName } from "./names.ts";
import { ENDED, RUN_STATUSES, type RunAttributes, type RunHead, type RunStatus } from "./types.ts";

const RUN_NAME_TAG = "mlflow.runName";

/** A run as readers see it: the stored record, its stage with its experiment's taken into account, and the latest metrics. */
export interface Run {
  readonly view: RecordView<RunAttributes>;
  readonly stage: Stage;
  readonly latest: ReadonlyMap<string, Point>;
}

export const runsScope = (workspace: Workspace, experimentId: string): string => `${workspace.id}/${experimentId}/runs`;

/**
 * Starts a run of an active experiment.
 * @param input.startMs milliseconds; 0 or absent: now
 * @throws InvalidParameter when a name and a different `mlflow.runName` tag are given
 */
export async function createRun(
  workspace: Workspace,
  input: { experimentId: string; userId: string; name?: string; startMs?: Int64; tags: readonly Tag[] },
): Promise<Run> {
  const experiment = await getExperiment(workspace, input.experimentId || "0");
  requireActive(experiment);
  const tags = new Map(input.tags.map((tag, i) => checkedTag(tag, `tags[${i}]`)).map(({ key, value }) => [key, value]));
  const name = runName(workspace, input.name, tags.get(RUN_NAME_TAG));
  tags.set(RUN_NAME_TAG, name);
  const runId = workspace.ids.hex(16);
  const attributes: RunAttributes = {
    kind: "run",
    runId,
    experimentId: experiment.experimentId,
    name,
    userId: input.userId,
    status: "RUNNING",
    startMs: storedInt64(input.startMs || workspace.clock.now()),
    artifactUri: `${experiment.artifactLocation}/${runId}/artifacts`,
    stage: "active",
    stageEpoch: experiment.epoch,
  };
  const scope = runsScope(workspace, experiment.experimentId);
  const view = await createRecord(workspace, runsPartition(workspace, runId), scope, attributes, (draft) => {
    for (const [key, value] of tags) draft.section("tags").set(key, value);
  });
  runStateEntered.tell({ state: attributes.status });
  return { view, stage: "active", latest: new Map() };
}

function runName(workspace: Workspace, name: string | undefined, tag: string | undefined): string {
  if (name && tag && name !== tag) {
    throw invalid(
      "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values " +
        `(run_name='${cut(name)}', mlflow.runName='${cut(tag)}').`,
    );
  }
  return truncated(name || tag || randomRunName(workspace.ids), LIMITS.runTagValue);
}

/** The run with everything, deleted or not. @throws NotFound */
export async function getRun(workspace: Workspace, runId: string): Promise<Run> {
  requireRunId(runId);
  const experimentOf = experimentBeside(workspace, runId);
  const found = await readWithLatest<RunAttributes>(workspace, runsPartition(workspace, runId));
  if (found?.view.attributes.kind !== "run") throw runNotFound(runId);
  const { view, latest, unfolded } = found;
  const isOverdue = waitsForFold(view.attributes, workspace.clock.now());
  if (unfolded > FOLD_WORTHWHILE || isOverdue) askForFold(workspace, runId);
  const experiment = await experimentOf(view.attributes);
  return { view, stage: effectiveStage(view.attributes, experiment), latest };
}

/** Whether the message that was to fold a run after its end must have been lost. An end to come is of a clock that has been set back since. */
function waitsForFold({ status, quiet }: RunAttributes, nowMs: number): boolean {
  return ENDED.includes(status) && !quiet?.isFolded && Math.abs(nowMs - (quiet?.sinceMs ?? 0)) > 2 * SETTLED_AFTER_MS;
}

/** Readers of a busy run ask once a minute, not each time, and do not wait for the queue. */
function askForFold(workspace: Workspace, recordId: string): void {
  const { memory, clock } = workspace;
  if (!memory.asked.isDue(clock, `fold/${runsPartition(workspace, recordId)}`, SETTLED_AFTER_MS)) return;
  // What goes wrong but at the store is wrong with this code, and told by the next call that waits for a fold.
  void suggestFold(workspace, recordId).catch(() => {});
}

/** Head and experiment of a run that may be written to: it and its experiment are active. @throws NotFound, InvalidParameter */
export async function requireActiveRun(workspace: Workspace, runId: string): Promise<RunHead> {
  requireRunId(runId);
  const experimentOf = experimentBeside(workspace, runId);
  const head = await getHead<RunAttributes>(workspace, runsPartition(workspace, runId));
  if (head?.item.attributes.kind !== "run") throw runNotFound(runId);
  requireWritable(head.item.attributes, await experimentOf(head.item.attributes));
  return head.item;
}

/**
 * A run stays in its experiment: where this process has seen the run before, its experiment is read beside it rather than after it.
 * @returns what gives the experiment when the run is there
 */
function experimentBeside(workspace: Workspace, runId: string): (attributes: RunAttributes) => Promise<Experiment> {
  const known = recallHead<RunAttributes>(workspace, runsPartition(workspace, runId))?.attributes;
  const begun = known && getExperiment(workspace, known.experimentId);
  begun?.catch(() => undefined);
  return ({ experimentId }) =>
    begun && known.experimentId === experimentId ? begun : getExperiment(workspace, experimentId);
}

function requireWritable(run: RunAttributes, experiment: Experiment): void {
  const stage = effectiveStage(run, experiment);
  if (stage === "active") return;
  throw invalid(`The run ${run.runId} must be in the 'active' state. Current state is ${stage}.`);
}

/**
 * Edits an active run. @throws NotFound, InvalidParameter when it is deleted
 */
export async function changeRun<R>(
  workspace: Workspace,
  runId: string,
  edit: (draft: Draft<RunAttributes>) => R | Promise<R>,
  { alongside, ready }: Pick<ChangeOptions, "alongside" | "ready"> = {},
): Promise<R> {
  requireRunId(runId);
  let found = false;
  let experimentOf: ReturnType<typeof experimentBeside>;
  const result = await changeRecord<RunAttributes, R>(
    workspace,
    runsPartition(workspace, runId),
    async (draft) => {
      found = draft.attributes.kind === "run";
      if (!found) throw runNotFound(runId);
      requireWritable(draft.attributes, await experimentOf(draft.attributes));
      return edit(draft);
    },
    {
      alongside,
      ready,
      begin: () => {
        experimentOf = experimentBeside(workspace, runId);
      },
    },
  );
  if (!found) throw runNotFound(runId);
  return result as R;
}

/** Changes what is given, leaves the rest. Ending a run folds its metrics a little later. */
export async function updateRun(
  workspace: Workspace,
  runId: string,
  changes: { status?: RunStatus; endMs?: Int64; name?: string },
): Promise<RunAttributes> {
  if (changes.status !== undefined && !RUN_STATUSES.includes(changes.status)) {
    throw invalid(`Invalid run status '${cut(String(changes.status))}'. Accepted are ${RUN_STATUSES.join(", ")}.`);
  }
  let isNewState = false;
  const attributes = await changeRun(workspace, runId, (draft) => {
    const { status, name } = changes;
    const endMs = changes.endMs === undefined ? undefined : storedInt64(changes.endMs);
    const before = draft.attributes;
    isNewState = status !== undefined && status !== before.status;
    if (isNewState) draft.update({ status, ...(ENDED.includes(status!) && { ends: (before.ends ?? 0) + 1 }) });
    if (endMs !== undefined && endMs !== before.endMs) draft.update({ endMs });
    if (name) renameDraft(draft, name);
    if (status !== undefined) {
      if (ENDED.includes(status)) becomeQuiet(draft, workspace.clock.now());
      else endQuiet(draft);
    }
    return draft.attributes;
  });
  if (isNewState) runStateEntered.tell({ state: attributes.status });
  if (changes.status && ENDED.includes(changes.status)) {
    await suggestFold(workspace, runId, SETTLED_AFTER_MS + 1000);
  }
  return attributes;
}

function renameDraft(draft: Draft<RunAttributes>, newName: string): void {
  const name = truncated(newName, LIMITS.runTagValue);
  if (name !== draft.attributes.name) draft.update({ name });
  draft.section("tags").set(RUN_NAME_TAG, name);
}

/** The name of a run and its tag `mlflow.runName` are one. No run is without a name: an empty one changes nothing, as in MLflow. */
export function setTagIn(draft: Draft<RunAttributes>, { key, value }: Tag): void {
  if (key !== RUN_NAME_TAG) draft.section("tags").set(key, value);
  else if (value !== "") renameDraft(draft, value);
}

export async function setTag(workspace: Workspace, runId: string, tag: Tag): Promise<void> {
  const checked = checkedTag(tag);
  await changeRun(workspace, runId, (draft) => setTagIn(draft, checked));
}

/** @throws NotFound when the run has no such tag */
export async function deleteTag(workspace: Workspace, runId: string, key: string): Promise<void> {
  await changeRun(workspace, runId, (draft) => {
    if (draft.section("tags").delete(key)) return;
    throw notFound(`No tag with name: ${cut(key)} in run with id ${runId}`);
  });
}

/** Soft-deletes; nothing happens when it is deleted already. */
export async function deleteRun(workspace: Workspace, runId: string): Promise<void> {
  await setStage(workspace, runId, "deleted");
}

/** Takes a soft-deletion back; nothing happens when it is active. @throws InvalidParameter when its experiment is deleted, with which it is */
export async function restoreRun(workspace: Workspace, runId: string): Promise<void> {
  await setStage(workspace, runId, "active");
}

async function setStage(workspace: Workspace, runId: string, stage: Stage): Promise<void> {
  requireRunId(runId);
  const found = await changeRecord<RunAttributes, boolean>(
    workspace,
    runsPartition(workspace, runId),
    async (draft) => {
      if (draft.attributes.kind !== "run") return false;
      const experiment = await getExperiment(workspace, draft.attributes.experimentId);
      if (stage === "active") requireActive(experiment);
      if (effectiveStage(draft.attributes, experiment) !== stage) {
        const deletedMs = stage === "deleted" ? workspace.clock.now() : undefined;
        if (deletedMs !== undefined) await noteTrash(workspace, "run", runId, deletedMs);
        draft.update({ stage, stageEpoch: experiment.epoch, deletedMs });
      }
      return true;
    },
  );
  if (!found) throw runNotFound(runId);
}

export function runNotFound(runId: string): Error {
  return notFound(`Run with id=${cut(runId)} not found`);
}
