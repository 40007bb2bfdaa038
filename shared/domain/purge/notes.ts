import type { Item, Stored } from "../../stores/document-store.ts";
import { AlreadyExists, PreconditionFailed } from "../../stores/errors.ts";
import { optimistically } from "../optimistic.ts";
import { CATALOG } from "../stored-names.ts";
import type { Workspace } from "../workspace.ts";

export type PurgeKind = "run" | "model" | "experiment";

/** What is being purged; stays until the last sweep is done, so that nothing is forgotten when a message is lost. */
export interface PurgeItem extends Item {
  readonly kind: "purge";
  readonly what: PurgeKind;
  readonly targetId: string;
  readonly requestedMs: number;
  /** Blobs below these prefixes go. */
  readonly prefixes: readonly string[];
  /** The deletion that it was asked for: what was restored and deleted anew since then stays. Absent in notes of older versions. */
  readonly deletion?: string;
  /** Of a run: the experiment whose search snapshot is to forget it. */
  readonly experimentId?: string;
  readonly firstSweepMs?: number;
  /** Of an experiment: how far the sweep under way has come. */
  readonly progress?: SweepProgress;
  /** Folders that stay as long as a model version is made of them; the first thousand. Only they are left of it. */
  readonly heldBy?: readonly string[];
}

/** A place in the changes of one of an experiment's scopes. */
export interface SweepProgress {
  readonly scope: number;
  readonly mark?: string;
}

/** The second sweep: writers that had begun before the purge are done by then. */
export const SWEEP_AGAIN_SECONDS = 600;
export const MAX_HELD_FOLDERS = 1000;

const documentId = (what: PurgeKind, id: string): string => CATALOG.purges.of(what, id);

export function findPurge(workspace: Workspace, what: PurgeKind, id: string): Promise<Stored<PurgeItem> | undefined> {
  return workspace.stores.documents.catalog.get<PurgeItem>(workspace.id, documentId(what, id));
}

/** Written before anything else. One that is left of an earlier attempt stays, or gives way when that was for another deletion. */
export function notePurge(
  workspace: Workspace,
  purge: Pick<PurgeItem, "what" | "targetId" | "prefixes" | "deletion" | "experimentId" | "firstSweepMs" | "heldBy">,
): Promise<Stored<PurgeItem>> {
  const { catalog } = workspace.stores.documents;
  const id = documentId(purge.what, purge.targetId);
  const requestedMs = workspace.clock.now();
  const item: PurgeItem = { id, scope: `${workspace.id}/purges`, kind: "purge", requestedMs, ...purge };
  return optimistically(`${workspace.id}/${id}`, async () => {
    const known = await catalog.get<PurgeItem>(workspace.id, id);
    if (known && known.item.deletion === purge.deletion) return known;
    if (known) return { item, partition: workspace.id, etag: await catalog.replace(workspace.id, item, known.etag) };
    const etag = await catalog.create(workspace.id, item).catch((error) => {
      throw error instanceof AlreadyExists ? new PreconditionFailed("Somebody else noted it.") : error;
    });
    return { item, partition: workspace.id, etag };
  });
}

/** Unless somebody has noted another purge of it meanwhile. */
export async function forgetPurge(workspace: Workspace, { item, etag }: Stored<PurgeItem>): Promise<void> {
  try {
    await workspace.stores.documents.catalog.remove(workspace.id, item.id, etag);
  } catch (error) {
    if (!(error instanceof PreconditionFailed)) throw error;
  }
}

export async function changePurge(
  workspace: Workspace,
  { item, partition, etag }: Stored<PurgeItem>,
  changes: Partial<PurgeItem>,
): Promise<Stored<PurgeItem>> {
  const changed = { ...item, ...changes };
  return { item: changed, partition, etag: await workspace.stores.documents.catalog.replace(partition, changed, etag) };
}
