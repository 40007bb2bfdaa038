import { putMember } from "../domain/access/members.ts";
import {
  createWorkspace,
  listWorkspaces,
  type Realm,
  type WorkspaceInfo,
  workspaceOfId,
} from "../domain/workspaces.ts";
import { inParallel } from "../parallel.ts";
import { type Caller, roleIn } from "./callers.ts";

/** The workspaces that a caller has a part in, in order of name. */
export async function visibleWorkspaces(realm: Realm, caller: Caller): Promise<WorkspaceInfo[]> {
  const all = await listWorkspaces(realm);
  const roles = await inParallel(all, ({ id }) => roleIn(realm, caller, id));
  return all.filter((_, i) => roles[i] !== undefined);
}

/** A new workspace, whose owner is the caller. @throws InvalidParameter, AlreadyExists */
export async function createOwnWorkspace(
  realm: Realm,
  caller: Caller,
  name: string,
  description: string,
): Promise<WorkspaceInfo> {
  const info = await createWorkspace(realm, name, description);
  if (caller.kind !== "loopback") await putMember(workspaceOfId(realm, info.id), caller.id, "owner", caller.id);
  return info;
}
