import { holderOfKey } from "../domain/access/keys.ts";
import { grants, type Permission, type Role } from "../domain/access/roles.ts";
import { readSecret } from "../domain/access/secrets.ts";
import { WorkspaceError } from "../domain/errors.ts";
import {
  DEFAULT_WORKSPACE,
  locateWorkspace,
  type Realm,
  type WorkspaceReference,
  workspaceNotFound,
  workspaceOfId,
} from "../domain/workspaces.ts";
import { credentialOf } from "./credentials.ts";
import type { AppRequest } from "./types.ts";

/** Who is calling. `id` names them to people; only together with `kind` it says who it is. */
export type Caller =
  /** Without valid credentials. */
  | { readonly kind: "anonymous"; readonly id: "anonymous" }
  /** The user of this machine, where the local host vouches for it. */
  | { readonly kind: "loopback"; readonly id: "loopback" }
  | KeyCaller;

/** Whoever holds a key: what its member is in the key's workspace, no more than the key's own role. */
interface KeyCaller {
  readonly kind: "key";
  /** The member. */
  readonly id: string;
  readonly keyId: string;
  readonly workspaceId: string;
  readonly role: Role;
}

/** Into a workspace. */
export interface Admission {
  readonly workspace: WorkspaceReference;
  readonly role: Role;
}

/** How a service knows its callers. */
export interface Authentication {
  readonly realm: Realm;
  /** The local host vouches that every request comes from this machine. */
  readonly loopbackUser: boolean;
}

const LOOPBACK: Caller = { kind: "loopback", id: "loopback" };
export const ANONYMOUS: Caller = { kind: "anonymous", id: "anonymous" };

/**
 * The caller of a request. Costs nothing where the local host vouches for its user, and a look into memory for a key that was used in the
 * last 30 s.
 */
export function identify({ realm, loopbackUser }: Authentication, request: AppRequest): Promise<Caller> | Caller {
  if (loopbackUser) return LOOPBACK;
  const credential = credentialOf(request.headers.get("authorization"));
  return credential === undefined ? ANONYMOUS : callerOf(realm, credential);
}

async function callerOf(realm: Realm, credential: string): Promise<Caller> {
  const secret = readSecret(credential);
  if (secret?.kind !== "key") return ANONYMOUS;
  const { workspaceId } = secret;
  const holder = await holderOfKey(workspaceOfId(realm, workspaceId), secret);
  if (!holder) return ANONYMOUS;
  return { kind: "key", id: holder.member, keyId: holder.keyId, workspaceId, role: holder.role };
}

/**
 * Deny by default: lets a caller do what needs a permission.
 * @param workspaceName of the workspace that the request is about; undefined when it is about none, which is for administrators
 * @returns that workspace and the caller's role in it
 * @throws Unauthenticated; PermissionDenied; NotFound for a workspace that is not there and, in the same words, for one that the caller has
 * no part in
 */
export async function admit(
  realm: Realm,
  caller: Caller,
  permission: Permission,
  workspaceName?: string,
): Promise<Admission | undefined> {
  if (permission === "none") return undefined;
  requireSomebody(caller);
  if (workspaceName !== undefined) return enter(realm, caller, permission, workspaceName);
  if (permission === "any") return undefined;
  if (await isAdministrator(realm, caller)) return undefined;
  throw permissionDenied(permission);
}

/** @throws Unauthenticated */
export function requireSomebody(caller: Caller): void {
  if (caller.kind !== "anonymous") return;
  throw new WorkspaceError("Unauthenticated", "The request carries no valid credentials.");
}

async function enter(realm: Realm, caller: Caller, permission: Permission, name: string): Promise<Admission> {
  const workspace = await locateWorkspace(realm, name);
  const role = await roleIn(realm, caller, workspace.id);
  if (role === undefined) throw workspaceNotFound(name);
  if (!grants(role, permission)) throw permissionDenied(permission, role);
  return { workspace, role };
}

/** The role of a caller in a workspace; undefined when it has no part in it. */
export async function roleIn(realm: Realm, caller: Caller, workspaceId: string): Promise<Role | undefined> {
  if (caller.kind === "anonymous") return undefined;
  if (caller.kind === "loopback") return "owner";
  const own = memberRole(caller, workspaceId);
  return own === "owner" || !(await isAdministrator(realm, caller)) ? own : "owner";
}

/** The owners of the workspace `default` administrate the others: they make workspaces, and own them all. */
async function isAdministrator(realm: Realm, caller: Caller): Promise<boolean> {
  if (caller.kind === "anonymous") return false;
  if (caller.kind === "loopback") return true;
  const { id } = await locateWorkspace(realm, DEFAULT_WORKSPACE);
  return memberRole(caller, id) === "owner";
}

/** A key is worth something in its own workspace alone. */
function memberRole(caller: KeyCaller, workspaceId: string): Role | undefined {
  return caller.workspaceId === workspaceId ? caller.role : undefined;
}

function permissionDenied(permission: Permission, role?: Role): Error {
  const lacking = role === undefined ? "" : `, which the role ${role} does not have`;
  return new WorkspaceError("PermissionDenied", `This needs the permission '${permission}'${lacking}.`);
}
