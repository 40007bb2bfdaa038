import { StoreUnavailable } from "../../stores/errors.ts";
import { WorkspaceError } from "../errors.ts";
import { DEFAULT_EXPERIMENT_ID, getExperiment } from "../experiments.ts";
import { getHead } from "../record.ts";
import { cut } from "../validation.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { type Attributes, deletionOf, ownDeletion } from "./bury.ts";
import { type Purged, purgeExperiment, purgeRecord } from "./purge.ts";
import { removeTrash, type TrashItem, trashBefore } from "./trash.ts";

export type Tell = (line: string) => void;

const MAX_FAULTS = 10;

/**
 * Purges what was soft-deleted before that time and is so still; tells whose files stay, for which model versions. What cannot be purged keeps
 * nothing else from going, and its turn comes again.
 * @throws AggregateError with the first faults; StoreUnavailable at once
 */
export async function purgeExpired(workspace: Workspace, beforeMs: number, tell: Tell): Promise<void> {
  const faults: unknown[] = [];
  for await (const note of trashBefore(workspace, beforeMs)) {
    try {
      await purgeNoted(workspace, note, tell);
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      if (faults.length < MAX_FAULTS) faults.push(error);
    }
  }
  if (faults.length > 0) throw new AggregateError(faults, "Not everything that was deleted long ago could be purged.");
}

async function purgeNoted(workspace: Workspace, note: TrashItem, tell: Tell): Promise<void> {
  if (await isStillDeleted(workspace, note)) {
    const { kept } = await purge(workspace, note);
    if (kept.length > 0) tell(`The ${note.what} ${note.targetId} was purged; files stay for ${inWords(kept)}.`);
  }
  await removeTrash(workspace, note);
}

function purge(workspace: Workspace, { what, targetId }: TrashItem): Promise<Purged> {
  return what === "experiment" ? purgeExperiment(workspace, targetId) : purgeRecord(workspace, what, targetId);
}

function inWords(kept: Purged["kept"]): string {
  return kept.map(({ name, version }) => `version ${version} of '${cut(name)}'`).join(", ");
}

/** A note counts only if the deletion it was written for still stands: not when a run is deleted with its experiment, whose own note counts then. */
async function isStillDeleted(workspace: Workspace, { what, targetId, deletedMs }: TrashItem): Promise<boolean> {
  try {
    if (what === "experiment") {
      const experiment = await getExperiment(workspace, targetId);
      return targetId !== DEFAULT_EXPERIMENT_ID && experiment.stage === "deleted" && experiment.deletedMs === deletedMs;
    }
    const head = await getHead<Attributes>(workspace, runsPartition(workspace, targetId));
    if (!head) return false;
    const experiment = await getExperiment(workspace, head.item.attributes.experimentId);
    return deletionOf(head.item.attributes, experiment) === ownDeletion(deletedMs);
  } catch (error) {
    if (error instanceof WorkspaceError && error.code === "NotFound") return false;
    throw error;
  }
}
