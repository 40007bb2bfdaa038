import { PURGE_QUEUE, type PurgeMessage } from "../queues.ts";
import { foldersInUse } from "../registry/uses.ts";
import { CATALOG } from "../stored-names.ts";
import type { Workspace } from "../workspace.ts";
import { listWorkspaces, type Realm, workspaceOfId, workspacesToPurge } from "../workspaces.ts";
import { type PurgeItem, SWEEP_AGAIN_SECONDS } from "./notes.ts";
import { purgeExpired, type Tell } from "./retention.ts";
import { Slice, SliceEnded } from "./slice.ts";
import { continuePurge } from "./sweep.ts";
import { continueWorkspacePurge } from "./workspace-sweep.ts";

/** Handles one purge message, and asks for what is to follow: the rest at once, the second sweep later. */
export async function handlePurge(realm: Realm, message: PurgeMessage, slice = new Slice()): Promise<void> {
  const workspace = workspaceOfId(realm, message.workspaceId);
  try {
    const again =
      message.kind === "workspace"
        ? await continueWorkspacePurge(realm, workspace, slice)
        : await continuePurge(workspace, message.kind, message.id, slice);
    if (again) await PURGE_QUEUE.send(realm, message, SWEEP_AGAIN_SECONDS + 1);
  } catch (error) {
    if (!(error instanceof SliceEnded)) throw error;
    await PURGE_QUEUE.send(realm, message);
  }
}

/**
 * What no message looks after any more: purges whose message was lost, and what was soft-deleted longer than `retentionDays` ago.
 * @param retentionDays 0: soft-deleted things stay until somebody purges them
 * @param tell takes a line about each thing whose files stay, because model versions are made of them
 */
export async function watchPurges(realm: Realm, retentionDays: number, tell: Tell = () => {}): Promise<void> {
  const failures: unknown[] = [];
  const alone = (work: Promise<void>) => work.catch((error) => void failures.push(error));
  await alone(resumeWorkspacePurges(realm));
  const beforeMs = realm.clock.now() - retentionDays * 24 * 3600 * 1000;
  for (const { id } of await listWorkspaces(realm)) {
    const workspace = workspaceOfId(realm, id);
    await alone(resumePurges(workspace));
    if (retentionDays > 0) await alone(purgeExpired(workspace, beforeMs, tell));
  }
  if (failures.length > 0) throw new AggregateError(failures, "Not every workspace could be looked after.");
}

async function resumeWorkspacePurges(realm: Realm): Promise<void> {
  for (const workspaceId of await workspacesToPurge(realm)) {
    await PURGE_QUEUE.send(realm, { kind: "workspace", workspaceId });
  }
}

async function resumePurges(workspace: Workspace): Promise<void> {
  const { catalog } = workspace.stores.documents;
  const nowMs = workspace.clock.now();
  for await (const page of catalog.list<PurgeItem>(workspace.id, CATALOG.purges.all())) {
    for (const { item } of page) {
      // One of the future is of a clock that has been set back since.
      const isRecent = Math.abs(nowMs - item.requestedMs) < 2 * SWEEP_AGAIN_SECONDS * 1000;
      if (isRecent || (await isHeld(workspace, item))) continue;
      await PURGE_QUEUE.send(workspace, { kind: item.what, workspaceId: workspace.id, id: item.targetId });
    }
  }
}

/** Whether nothing can be done about it: all that is left belongs to model versions. */
async function isHeld(workspace: Workspace, { heldBy }: PurgeItem): Promise<boolean> {
  if (heldBy === undefined) return false;
  return heldBy.every(await foldersInUse(workspace));
}
