import * as z from "zod/mini";
import { createKey, dismissMember, type Key, listKeys, revokeKey } from "../../domain/access/keys.ts";
import { listMembers, MEMBER_ID, MEMBER_RULE, type Member, putMember } from "../../domain/access/members.ts";
import { ROLES, type Role } from "../../domain/access/roles.ts";
import { WorkspaceError } from "../../domain/errors.ts";
import type { Caller } from "../../http/callers.ts";
import { textOfAtMost } from "../max-characters.ts";
import { KEY, MEMBER, WORKSPACE } from "../parameters.ts";
import { type RestRoute, restRoute } from "../route.ts";
import { Time } from "../time.ts";

const DAY_MS = 24 * 3_600_000;
const DEFAULT_KEY_DAYS = 90;
const MAX_KEY_DAYS = 3650;

const RoleJson = z.enum(ROLES);
const MemberId = z
  .string()
  .check(
    z.regex(MEMBER_ID, `${MEMBER_RULE} is expected`),
    z.describe("An object id of Microsoft Entra ID, or a name; upper and lower case are the same."),
  );

const MemberJson = z
  .object({ id: MemberId, role: RoleJson, addedTime: Time, addedBy: z.string() })
  .check(z.meta({ id: "Member" }));

const KeyJson = z
  .object({
    id: z.string().check(z.describe("Names the key; it is not the key.")),
    name: z.string(),
    member: MemberId,
    role: z.optional(RoleJson.check(z.describe("Absent: the member's."))),
    createdTime: Time,
    createdBy: z.string(),
    expiresTime: z.optional(Time.check(z.describe("UTC; absent: never."))),
    lastUsedTime: z.optional(Time.check(z.describe("UTC, to the hour; absent: not used yet."))),
  })
  .check(z.meta({ id: "Key" }));

const MintedKey = z
  .object({ key: KeyJson, secret: z.string().check(z.describe("The key itself. It is not shown again.")) })
  .check(z.meta({ id: "MintedKey" }));

const MemberRole = z.strictObject({ role: RoleJson }).check(z.meta({ id: "MemberRole" }));

const NewKey = z
  .strictObject({
    name: textOfAtMost(100, "For people: what the key is for.").check(z.minLength(1)),
    member: z.optional(MemberId.check(z.describe("Whose key it is; absent: the caller's."))),
    role: z.optional(RoleJson.check(z.describe("At most the member's; absent: whatever the member's is."))),
    expiresInDays: z._default(z.int().check(z.gte(1), z.lte(MAX_KEY_DAYS)), DEFAULT_KEY_DAYS),
  })
  .check(z.meta({ id: "NewKey" }));

const time = (ms: number): string => new Date(ms).toISOString();

function memberJson({ id, role, addedMs, addedBy }: Member) {
  return { id, role, addedTime: time(addedMs), addedBy };
}

function keyJson({ id, name, member, role, createdMs, createdBy, expiresMs, lastUsedMs }: Key) {
  return {
    id,
    name,
    member,
    ...(role && { role }),
    createdTime: time(createdMs),
    createdBy,
    ...(expiresMs !== undefined && { expiresTime: time(expiresMs) }),
    ...(lastUsedMs !== undefined && { lastUsedTime: time(lastUsedMs) }),
  };
}

/** Whoever is no owner deals with keys of their own alone. */
function ownKeysOnly(caller: Caller, role: Role | undefined): string | undefined {
  return role === "owner" ? undefined : caller.id;
}

function memberFor(wanted: string | undefined, caller: Caller, role: Role | undefined): string {
  const member = wanted?.toLowerCase() ?? caller.id;
  const only = ownKeysOnly(caller, role);
  if (only === undefined || member === only) return member;
  throw new WorkspaceError("PermissionDenied", "Only owners make keys for others.");
}

/** Who may do what in a workspace, and the keys with which they come. */
export const accessRoutes: readonly RestRoute[] = [
  restRoute({
    name: "members_list",
    summary: "List the members, in order of id.",
    method: "GET",
    path: "workspaces/:workspace/members",
    params: { workspace: WORKSPACE },
    permission: "read",
    returns: z.object({ value: z.array(MemberJson) }),
    status: 200,
    do: async ({ workspace }) => ({ value: (await listMembers(workspace)).map(memberJson) }),
  }),
  restRoute({
    name: "members_put",
    summary: "Make somebody a member, or change a member's role.",
    method: "PUT",
    path: "workspaces/:workspace/members/:member",
    params: { workspace: WORKSPACE, member: MEMBER },
    permission: "manage",
    body: MemberRole,
    about: ["role"],
    returns: MemberJson,
    status: 200,
    refusals: ["InvalidState"],
    do: async ({ workspace, params, body, caller }) =>
      memberJson(await putMember(workspace, params.member, body.role, caller.id)),
  }),
  restRoute({
    name: "members_delete",
    summary: "Take a member out, with their keys; at once here, within 30 seconds on every instance.",
    method: "DELETE",
    path: "workspaces/:workspace/members/:member",
    params: { workspace: WORKSPACE, member: MEMBER },
    permission: "manage",
    status: 204,
    refusals: ["InvalidState"],
    do: async ({ workspace, params }) => dismissMember(workspace, params.member),
  }),
  restRoute({
    name: "keys_list",
    summary: "List the keys: an owner sees all, others their own.",
    method: "GET",
    path: "workspaces/:workspace/keys",
    params: { workspace: WORKSPACE },
    permission: "keys",
    returns: z.object({ value: z.array(KeyJson) }),
    status: 200,
    do: async ({ workspace, caller, role }) => {
      const only = ownKeysOnly(caller, role);
      const keys = await listKeys(workspace);
      return { value: keys.filter(({ member }) => only === undefined || member === only).map(keyJson) };
    },
  }),
  restRoute({
    name: "keys_create",
    summary: "Make a key for a member.",
    method: "POST",
    path: "workspaces/:workspace/keys",
    params: { workspace: WORKSPACE },
    permission: "keys",
    body: NewKey,
    about: ["name", "member", "role"],
    returns: MintedKey,
    made: ({ key }) => ({ keyId: key.id }),
    status: 201,
    refusals: ["InvalidState"],
    do: async ({ workspace, body, caller, role }) => {
      const { key, secret } = await createKey(workspace, {
        name: body.name,
        member: memberFor(body.member, caller, role),
        role: body.role,
        expiresMs: workspace.clock.now() + body.expiresInDays * DAY_MS,
        createdBy: caller.id,
      });
      return { key: keyJson(key), secret };
    },
  }),
  restRoute({
    name: "keys_revoke",
    summary: "Revoke a key; at once here, within 30 seconds on every instance.",
    method: "DELETE",
    path: "workspaces/:workspace/keys/:keyId",
    params: { workspace: WORKSPACE, keyId: KEY },
    permission: "keys",
    status: 204,
    do: async ({ workspace, params, caller, role }) => {
      await revokeKey(workspace, params.keyId, ownKeysOnly(caller, role));
    },
  }),
];
