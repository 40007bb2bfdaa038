import { removeBelow } from "../artifacts.ts";
import { WorkspaceError } from "../errors.ts";
import { type ExperimentItem, effectiveStage, getExperiment } from "../experiments.ts";
import type { ModelAttributes } from "../models/types.ts";
import { getHead } from "../record.ts";
import type { RunAttributes } from "../runs/types.ts";
import { removeSecretsOf } from "../secrets.ts";
import { BLOB_CONTAINERS, runsPartition, type Workspace } from "../workspace.ts";
import { forgetWorkspace, listWorkspaces, type Realm, workspaceOfId, workspacesToPurge } from "../workspaces.ts";
import { type PurgeMessage, requestPurge } from "./messages.ts";
import {
  continuePurge,
  type PurgeItem,
  purgeExperiment,
  purgeRecord,
  purgeRecordsOf,
  SWEEP_AGAIN_SECONDS,
  wasLastSweep,
} from "./purge.ts";
import { removeTrash, type TrashItem, trashBefore } from "./trash.ts";

/** Handles one purge message, and asks for the second sweep. */
export async function handlePurge(realm: Realm, message: PurgeMessage): Promise<void> {
  const workspace = workspaceOfId(realm, message.workspaceId);
  const again =
    message.kind === "workspace"
      ? await continueWorkspacePurge(realm, workspace)
      : await continuePurge(workspace, message.kind, message.id);
  if (again) await requestPurge(realm, message, SWEEP_AGAIN_SECONDS + 1);
}

/**
 * First sweep: runs, models and blobs. The catalog, from which they are found, goes in the last one.
 * @returns whether another sweep should follow
 */
async function continueWorkspacePurge(realm: Realm, workspace: Workspace): Promise<boolean> {
  const { catalog } = realm.stores.documents;
  const gone = await catalog.get<GoneItem>("workspaces", `gone-${workspace.id}`);
  if (!gone) return false;
  for await (const page of catalog.list<ExperimentItem>(workspace.id, { from: "experiment-", to: "experiment." })) {
    for (const { item } of page) {
      if (/^experiment-\d+$/.test(item.id)) await purgeRecordsOf(workspace, item.id.slice("experiment-".length));
    }
  }
  for (const container of BLOB_CONTAINERS) await removeBelow(realm.stores.blobs, `${container}/${workspace.id}/`);
  await removeSecretsOf(workspace);
  if (!(await wasLastSweep(realm, "workspaces", gone))) return true;
  for await (const page of catalog.list(workspace.id)) {
    for (const { item } of page) await catalog.remove(workspace.id, item.id);
  }
  await forgetWorkspace(realm, workspace.id);
  return false;
}

interface GoneItem {
  readonly id: string;
  readonly scope: string;
  readonly firstSweepMs?: number;
}

/**
 * What no message looks after any more: purges whose message was lost, and what was soft-deleted longer than `retentionDays` ago.
 * @param retentionDays 0: soft-deleted things stay until somebody purges them
 */
export async function watchPurges(realm: Realm, retentionDays: number): Promise<void> {
  for (const workspaceId of await workspacesToPurge(realm))
    await requestPurge(realm, { kind: "workspace", workspaceId });
  const failures: unknown[] = [];
  for (const { id } of await listWorkspaces(realm)) {
    await watchWorkspace(workspaceOfId(realm, id), retentionDays).catch((error) => failures.push(error));
  }
  if (failures.length > 0) throw new AggregateError(failures, "Not every workspace could be looked after.");
}

async function watchWorkspace(workspace: Workspace, retentionDays: number): Promise<void> {
  await resumePurges(workspace);
  if (retentionDays > 0) await purgeExpired(workspace, workspace.clock.now() - retentionDays * 24 * 3600 * 1000);
}

async function resumePurges(workspace: Workspace): Promise<void> {
  const { catalog } = workspace.stores.documents;
  const nowMs = workspace.clock.now();
  for await (const page of catalog.list<PurgeItem>(workspace.id, { from: "purge-", to: "purge." })) {
    for (const { item } of page) {
      // One of the future is of a clock that has been set back since.
      if (Math.abs(nowMs - item.requestedMs) < 2 * SWEEP_AGAIN_SECONDS * 1000) continue;
      await requestPurge(workspace, { kind: item.what, workspaceId: workspace.id, id: item.targetId });
    }
  }
}

async function purgeExpired(workspace: Workspace, beforeMs: number): Promise<void> {
  for await (const note of trashBefore(workspace, beforeMs)) {
    if (await isStillDeleted(workspace, note)) {
      if (note.what === "experiment") await purgeExperiment(workspace, note.targetId);
      else await purgeRecord(workspace, note.what, note.targetId);
    }
    await removeTrash(workspace, note);
  }
}

/** A note counts only if the deletion it was written for still stands. */
async function isStillDeleted(workspace: Workspace, { what, targetId, deletedMs }: TrashItem): Promise<boolean> {
  try {
    if (what === "experiment") {
      const experiment = await getExperiment(workspace, targetId);
      return targetId !== "0" && experiment.stage === "deleted" && experiment.deletedMs === deletedMs;
    }
    const head = await getHead<RunAttributes | ModelAttributes>(workspace, runsPartition(workspace, targetId));
    if (!head) return false;
    const { attributes } = head.item;
    const experiment = await getExperiment(workspace, attributes.experimentId);
    return attributes.deletedMs === deletedMs && effectiveStage(attributes, experiment) === "deleted";
  } catch (error) {
    if (error instanceof WorkspaceError && error.code === "NotFound") return false;
    throw error;
  }
}
