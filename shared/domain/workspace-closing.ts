import { PreconditionFailed } from "../stores/errors.ts";
import { invalidState } from "./errors.ts";
import { optimistically } from "./optimistic.ts";
import { contentsOf } from "./workspace-contents.ts";
import {
  buryWorkspace,
  DEFAULT_WORKSPACE,
  findStored,
  type Realm,
  requireDeletable,
  setClosed,
  type WorkspaceInfo,
  type WorkspaceReference,
  workspaceNotFound,
  workspaceOfId,
} from "./workspaces.ts";

/*
 * Deleting a workspace only if it is empty, beside somebody who makes the first thing in it. Whoever deletes closes the door and then looks what
 * is there; whoever makes something looks at the door afterwards. So one of the two sees the other: nothing is lost that was acknowledged.
 */

/**
 * Deletes a workspace if nobody has made anything in it.
 * @throws InvalidState, naming what is there
 */
export function deleteEmptyWorkspace(realm: Realm, name: string): Promise<WorkspaceInfo> {
  return optimistically(`workspaces/${name}`, async () => {
    const found = await requireDeletable(realm, name);
    // Looked at first with its door open: nobody is kept out of a workspace that is in use.
    await requireEmpty(realm, found.item.workspace);
    const closed = await setClosed(realm, found, realm.clock.now());
    try {
      await requireEmpty(realm, closed.item.workspace);
    } catch (error) {
      await setClosed(realm, closed, undefined);
      throw error;
    }
    return buryWorkspace(realm, closed);
  });
}

async function requireEmpty(realm: Realm, { id, name }: WorkspaceInfo): Promise<void> {
  const contents = await contentsOf(workspaceOfId(realm, id));
  if (contents.length === 0) return;
  throw invalidState(
    `Workspace '${name}' is not empty: it has ${contents.join(", ")}. Delete it with mode=CASCADE to remove everything in it.`,
  );
}

/**
 * Called by whoever has made something that may be the first thing in a workspace: it counts if the workspace is still there. A door that is
 * closed is opened again, so that whoever closed it looks anew.
 * @throws NotFound when the workspace was deleted meanwhile
 */
export async function confirmWorkspace(realm: Realm, { id, name }: WorkspaceReference): Promise<void> {
  if (name === DEFAULT_WORKSPACE) return;
  for (;;) {
    const stored = await findStored(realm, name);
    if (stored?.item.workspace.id !== id) throw workspaceNotFound(name);
    if (stored.item.closedMs === undefined) return;
    try {
      await setClosed(realm, stored, undefined);
    } catch (error) {
      if (!(error instanceof PreconditionFailed)) throw error;
    }
  }
}
