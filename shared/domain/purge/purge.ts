import { invalidState } from "../errors.ts";
import { DEFAULT_EXPERIMENT_ID, getExperiment } from "../experiments.ts";
import { modelNotFound } from "../logged-models/models.ts";
import { PURGE_QUEUE } from "../queues.ts";
import { getHead } from "../record.ts";
import { type KeptVersion, versionsOfExperiment, versionsOfRecord } from "../registry/uses.ts";
import { runNotFound } from "../runs/runs.ts";
import { requireRunId } from "../validation.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { type Attributes, buryDeletedExperiment, buryDeletedRecord, deletionOf, deletionOfExperiment } from "./bury.ts";
import { experimentPrefixes, recordPrefixes } from "./files.ts";
import { forgetPurge, notePurge } from "./notes.ts";

/** What a purge leaves: files that these model versions are made of. They go when the versions are deleted. */
export interface Purged {
  readonly kept: readonly KeptVersion[];
}

/**
 * Purges a soft-deleted run or logged model: it is gone at once, its documents and blobs follow by way of the queue.
 * @throws NotFound; InvalidState when it is active
 */
export async function purgeRecord(workspace: Workspace, what: "run" | "model", id: string): Promise<Purged> {
  requireRunId(id);
  const head = await getHead<Attributes>(workspace, runsPartition(workspace, id));
  if (head?.item.attributes.kind !== what) throw what === "run" ? runNotFound(id) : modelNotFound(id);
  const { attributes } = head.item;
  const deletion = deletionOf(attributes, await getExperiment(workspace, attributes.experimentId));
  requireDeleted(`The ${what} ${id}`, deletion);
  const note = await notePurge(workspace, {
    what,
    targetId: id,
    deletion,
    prefixes: recordPrefixes(workspace, attributes),
    ...(what === "run" && { experimentId: attributes.experimentId }),
  });
  if (!(await buryDeletedRecord(workspace, id, deletion))) {
    await forgetPurge(workspace, note);
    return purgeRecord(workspace, what, id);
  }
  const kept = await versionsOfRecord(workspace, attributes);
  await PURGE_QUEUE.send(workspace, { kind: what, workspaceId: workspace.id, id });
  return { kept };
}

/**
 * Purges a soft-deleted experiment with all its runs and models.
 * @throws NotFound; InvalidState when it is active, or the Default experiment
 */
export async function purgeExperiment(workspace: Workspace, experimentId: string): Promise<Purged> {
  const experiment = await getExperiment(workspace, experimentId);
  if (experimentId === DEFAULT_EXPERIMENT_ID) throw invalidState("The Default experiment cannot be purged.");
  const deletion = deletionOfExperiment(experiment);
  requireDeleted(`The experiment ${experimentId}`, deletion);
  const note = await notePurge(workspace, {
    what: "experiment",
    targetId: experimentId,
    deletion,
    prefixes: experimentPrefixes(workspace, experiment),
  });
  if (!(await buryDeletedExperiment(workspace, experimentId, deletion))) {
    await forgetPurge(workspace, note);
    return purgeExperiment(workspace, experimentId);
  }
  const kept = await versionsOfExperiment(workspace, experiment);
  await PURGE_QUEUE.send(workspace, { kind: "experiment", workspaceId: workspace.id, id: experimentId });
  return { kept };
}

function requireDeleted(what: string, deletion: string | undefined): void {
  if (deletion !== undefined) return;
  throw invalidState(`${what} is active. Only what was deleted before can be purged: delete it first.`);
}
