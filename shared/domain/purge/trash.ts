import type { Item } from "../../stores/document-store.ts";
import { AlreadyExists } from "../../stores/errors.ts";
import { CATALOG, digits, TIME_DIGITS } from "../stored-names.ts";
import type { Workspace } from "../workspace.ts";

type TrashKind = "run" | "model" | "experiment";

/** A note that something was soft-deleted, so that it can be found when its time is up. A note may be stale: what it names decides. */
export interface TrashItem extends Item {
  readonly kind: "trash";
  readonly what: TrashKind;
  readonly targetId: string;
  readonly deletedMs: number;
}

/** Written before the deletion itself: a crash in between leaves a stale note, never a forgotten deletion. */
export async function noteTrash(
  workspace: Workspace,
  what: TrashKind,
  targetId: string,
  deletedMs: number,
): Promise<void> {
  const id = CATALOG.trash.of(digits(deletedMs, TIME_DIGITS), what, targetId);
  const item: TrashItem = {
    id,
    scope: `${workspace.id}/trash`,
    kind: "trash",
    what,
    targetId,
    deletedMs,
  };
  try {
    await workspace.stores.documents.catalog.create(workspace.id, item);
  } catch (error) {
    if (!(error instanceof AlreadyExists)) throw error;
  }
}

/** Notes of what was soft-deleted before `beforeMs`, oldest first. */
export async function* trashBefore(workspace: Workspace, beforeMs: number): AsyncIterable<TrashItem> {
  const range = { ...CATALOG.trash.all(), to: CATALOG.trash.of(digits(beforeMs, TIME_DIGITS)) };
  for await (const page of workspace.stores.documents.catalog.list<TrashItem>(workspace.id, range)) {
    for (const { item } of page) yield item;
  }
}

export async function removeTrash(workspace: Workspace, note: TrashItem): Promise<void> {
  await workspace.stores.documents.catalog.remove(workspace.id, note.id);
}
