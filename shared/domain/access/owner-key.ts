import { appendEvent } from "../events/events.ts";
import { DEFAULT_WORKSPACE, getWorkspace, type Realm, workspaceOfId } from "../workspaces.ts";
import { creationOf, draftKey, forgetKey, listKeys, removalOf } from "./keys.ts";
import { listMembers, putMember } from "./members.ts";

/** The member for whom the local host makes keys, and the maker's name, which no member can have. */
const OWNER = "owner";
const HOST = "(local host)";

export interface OwnerKeyWish {
  /** Makes a new one whoever owns the workspace, in the place of those that were made here before. */
  readonly replace: boolean;
  /** The settings name owners, who come by other ways. */
  readonly hasConfiguredOwners: boolean;
  readonly eventRetentionDays: number;
  /** Shows the key, before it is made: a death in between loses nothing but a key that never opened anything. False: nobody saw it. */
  show(secret: string): Promise<boolean> | boolean;
}

/**
 * The way into a workspace whose data folder one has: a key of an owner of the workspace `default`, who administrates the others. Made without
 * being asked for only while the workspace never had an owner.
 * @returns whether there is a new one
 */
export async function provideOwnerKey(realm: Realm, wish: OwnerKeyWish): Promise<boolean> {
  const { id } = await getWorkspace(realm, DEFAULT_WORKSPACE);
  const workspace = workspaceOfId(realm, id);
  // A workspace that had an owner once has one still: the last one cannot go.
  const hadOwner = (await listMembers(workspace)).some(({ role }) => role === "owner");
  if (!wish.replace && (hadOwner || wish.hasConfiguredOwners)) return false;
  const drafted = draftKey(workspace, { name: "Owner key of the local host", member: OWNER, createdBy: HOST });
  if (!(await wish.show(drafted.secret))) return false;
  const event = {
    action: "owner_key_made",
    outcome: "allowed" as const,
    timeMs: workspace.clock.now(),
    caller: { kind: "host", id: HOST },
    resources: { member: OWNER, keyId: drafted.key.id },
  };
  await appendEvent(workspace, event, wish.eventRetentionDays);
  let replaced: string[] = [];
  await putMember(workspace, OWNER, "owner", HOST, async (member) => {
    replaced = (await listKeys(workspace)).filter(({ createdBy }) => createdBy === HOST).map(({ id: keyId }) => keyId);
    return [creationOf(workspace, drafted, member), ...replaced.map(removalOf)];
  });
  for (const keyId of replaced) forgetKey(workspace, keyId);
  return true;
}
