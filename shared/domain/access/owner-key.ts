import { DEFAULT_WORKSPACE, getWorkspace, type Realm, workspaceOfId } from "../workspaces.ts";
import { createKey, type Key, listKeys, revokeKey } from "./keys.ts";
import { listMembers, type MembersOf, putMember } from "./members.ts";

/** The member for whom the local host makes keys, and the maker's name, which no member can have. */
const OWNER = "owner";
const HOST = "(local host)";

/**
 * The way into a workspace whose data folder one has: a key of an owner of the workspace `default`, who administrates the others.
 * @param replace makes a new one though there is one, and revokes those that were made here before
 * @returns the key, which is not shown again; undefined when an owner has a key already
 */
export async function provideOwnerKey(realm: Realm, replace: boolean): Promise<string | undefined> {
  const { id } = await getWorkspace(realm, DEFAULT_WORKSPACE);
  const workspace = workspaceOfId(realm, id);
  const keys = await listKeys(workspace);
  if (!replace && (await isAnOwners(workspace, keys))) return undefined;
  await putMember(workspace, OWNER, "owner", HOST);
  const { secret } = await createKey(workspace, {
    name: "Owner key of the local host",
    member: OWNER,
    createdBy: HOST,
  });
  for (const key of keys) if (key.createdBy === HOST) await revokeKey(workspace, key.id);
  return secret;
}

/** Whether one of the keys opens what owners may do. */
async function isAnOwners(workspace: MembersOf, keys: readonly Key[]): Promise<boolean> {
  const members = await listMembers(workspace);
  const owners = new Set(members.filter(({ role }) => role === "owner").map(({ id }) => id));
  const nowMs = workspace.clock.now();
  return keys.some(
    ({ member, role = "owner", expiresMs = Number.POSITIVE_INFINITY }) =>
      owners.has(member) && role === "owner" && expiresMs > nowMs,
  );
}
