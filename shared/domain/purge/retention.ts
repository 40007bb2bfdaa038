import { WorkspaceError } from "../errors.ts";
import { DEFAULT_EXPERIMENT_ID, getExperiment } from "../experiments.ts";
import { getHead } from "../record.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { type Attributes, deletionOf, ownDeletion } from "./bury.ts";
import { purgeExperiment, purgeRecord } from "./purge.ts";
import { removeTrash, type TrashItem, trashBefore } from "./trash.ts";

/** Purges what was soft-deleted before that time and is so still. */
export async function purgeExpired(workspace: Workspace, beforeMs: number): Promise<void> {
  for await (const note of trashBefore(workspace, beforeMs)) {
    if (await isStillDeleted(workspace, note)) {
      if (note.what === "experiment") await purgeExperiment(workspace, note.targetId);
      else await purgeRecord(workspace, note.what, note.targetId);
    }
    await removeTrash(workspace, note);
  }
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
