import type { BatchOperation } from "../../stores/document-store.ts";
import { type CatalogItem, catalogKind } from "../catalog-kind.ts";
import { invalid, invalidState, notFound } from "../errors.ts";
import { MEMBERS_ID } from "../stored-names.ts";
import { cut } from "../validation.ts";
import type { Workspace } from "../workspace.ts";
import type { Role } from "./roles.ts";

/** Somebody who may use a workspace. */
export interface Member {
  /** The object id of a Microsoft Entra user, group-less principal or managed identity; or any name, for somebody who comes with a key. */
  readonly id: string;
  readonly role: Role;
  readonly addedMs: number;
  readonly addedBy: string;
  /** Differs between two memberships of one id: keys of an earlier one stay dead. */
  readonly membership: string;
}

/** All members of a workspace are one document, so that whether an owner is left is decided under one ETag. */
interface MembersItem extends CatalogItem {
  readonly kind: "members";
  readonly members: readonly Member[];
}

/** What rules about members need of a workspace; its name plays no part. */
export type MembersOf = Pick<Workspace, "id" | "stores" | "clock" | "ids" | "memory">;

const MEMBERS = catalogKind<MembersItem, void>({
  kind: "members",
  idOf: () => MEMBERS_ID,
  range: { from: MEMBERS_ID, to: `${MEMBERS_ID}-` },
  scope: "members",
});
const MAX_MEMBERS = 2000;
export const MEMBER_ID = /^[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,126}[A-Za-z0-9])?$/;
export const MEMBER_RULE =
  "an object id of Microsoft Entra ID, or a name of 1 to 128 letters, digits and . _ @ - that begins and ends with a letter or digit";

const recentKey = (workspace: MembersOf): string => `${workspace.id}/members`;

/** Ids have no case. @throws InvalidParameter */
export function requireMemberId(id: string): string {
  if (MEMBER_ID.test(id)) return id.toLowerCase();
  throw invalid(`'member' must be ${MEMBER_RULE}, not "${cut(id)}".`);
}

/** In order of id. */
export async function listMembers(workspace: MembersOf): Promise<readonly Member[]> {
  return (await MEMBERS.get(workspace))?.item.members ?? [];
}

/**
 * Somebody who is a member, as it was at most 30 s ago; who was made one elsewhere is known within a second.
 * @param membership the one that it must be
 */
export async function recentMember(workspace: MembersOf, id: string, membership?: string): Promise<Member | undefined> {
  const { memory, clock } = workspace;
  const read = async () => new Map((await listMembers(workspace)).map((member) => [member.id, member]));
  const find = (members: ReadonlyMap<string, Member>) => {
    const member = members.get(id);
    return membership === undefined || member?.membership === membership ? member : undefined;
  };
  return find(await memory.recent.get(clock, recentKey(workspace), read, (members) => find(members) !== undefined));
}

/** What is written in the same step as a change of members. */
type Alongside = (member: Member) => Promise<readonly BatchOperation[]>;

/**
 * Gives somebody a role, member already or not.
 * @throws InvalidState when nobody would be left as owner; InvalidParameter
 */
export function putMember(
  workspace: MembersOf,
  id: string,
  role: Role,
  by: string,
  alongside?: Alongside,
): Promise<Member> {
  const memberId = requireMemberId(id);
  return changeMembers(workspace, alongside, (members) => {
    const before = members.find((member) => member.id === memberId);
    const added = { addedMs: workspace.clock.now(), addedBy: by, membership: workspace.ids.hex(8) };
    const member: Member = { ...(before ?? added), id: memberId, role };
    return { members: [...members.filter((other) => other !== before), member], result: member };
  });
}

/** @throws NotFound; InvalidState for the last owner */
export function removeMember(workspace: MembersOf, id: string): Promise<Member> {
  const memberId = id.toLowerCase();
  return changeMembers(workspace, undefined, (members) => {
    const member = members.find((candidate) => candidate.id === memberId);
    if (!member) throw memberNotFound(id);
    return { members: members.filter((other) => other !== member), result: member };
  });
}

async function changeMembers(
  workspace: MembersOf,
  alongside: Alongside | undefined,
  change: (members: readonly Member[]) => { members: readonly Member[]; result: Member },
): Promise<Member> {
  const result = await MEMBERS.put(workspace, undefined, async (stored) => {
    const before = stored?.members ?? [];
    const { members, result } = change(before);
    requireOwner(before, members);
    if (members.length > MAX_MEMBERS) throw invalidState(`A workspace has at most ${MAX_MEMBERS} members.`);
    const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
    return { contents: { members: sorted }, also: await alongside?.(result), result };
  });
  workspace.memory.recent.forget(recentKey(workspace));
  return result;
}

function requireOwner(before: readonly Member[], after: readonly Member[]): void {
  const hasOwner = (members: readonly Member[]) => members.some(({ role }) => role === "owner");
  if (!hasOwner(before) || hasOwner(after)) return;
  throw invalidState(
    "The last owner of a workspace cannot be removed or given a lower role. Make somebody else owner first.",
  );
}

export function memberNotFound(id: string): Error {
  return notFound(`Member '${cut(id)}' not found`);
}
