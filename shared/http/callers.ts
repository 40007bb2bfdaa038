import { type ReadCredential, readCredential } from "../domain/access/credentials.ts";
import { holderOfKey } from "../domain/access/keys.ts";
import { recentMember } from "../domain/access/members.ts";
import { grants, type Permission, type Role } from "../domain/access/roles.ts";
import type { Writes } from "../domain/access/run-scope.ts";
import { type RunOfToken, runOfToken } from "../domain/access/run-tokens.ts";
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
import { type EntraVerifier, isSignedToken } from "./entra.ts";
import type { AppRequest } from "./types.ts";

/** Who is calling. `id` names them to people; only together with `kind` it says who it is. */
export type Caller =
  /** Without valid credentials. */
  | { readonly kind: "anonymous"; readonly id: "anonymous" }
  /** The user of this machine, where the local host vouches for it. */
  | { readonly kind: "loopback"; readonly id: "loopback" }
  | KeyCaller
  | EntraCaller
  | RunCaller;

/**
 * Whoever holds a key. In the key's workspace they have the role of its member, or the key's own where that is lower.
 */
interface KeyCaller {
  readonly kind: "key";
  /** The member. */
  readonly id: string;
  readonly keyId: string;
  readonly workspaceId: string;
  readonly role: Role;
}

/** Whoever signed in with Microsoft Entra ID. In each workspace they have the role of the member of that object id. */
interface EntraCaller {
  readonly kind: "entra";
  /** The object id. */
  readonly id: string;
  /** Whether the settings name them as an owner of every workspace. */
  readonly ownsAll: boolean;
}

/** A script that runs: reads its workspace, writes what belongs to its run. */
export interface RunCaller {
  readonly kind: "run";
  /** The run. */
  readonly id: string;
  readonly token: RunOfToken;
  readonly workspaceId: string;
}

/** Who a caller is, as one text. A member of one workspace is another caller than one of the same name elsewhere. */
export function nameOf(caller: Caller): string {
  return JSON.stringify([caller.kind, caller.id, "workspaceId" in caller ? caller.workspaceId : ""]);
}

/** What a caller has that was let into a workspace. */
export interface Admission {
  readonly workspace: WorkspaceReference;
  readonly role: Role;
}

/** Who may do something. */
export interface Rule {
  readonly permission: Permission;
  /**
   * Tells what a request writes to, so that a run token may do so with what is its run's; absent: it may not at all.
   */
  // biome-ignore lint/suspicious/noExplicitAny: each operation has input of its own.
  readonly writes?: (call: any) => Writes;
}

/** How a service knows its callers. */
export interface Authentication {
  readonly realm: Realm;
  /** The local host vouches that every request comes from this machine. */
  readonly loopbackUser: boolean;
  /** Absent: tokens of Microsoft Entra ID are not taken. */
  readonly entra?: EntraVerifier;
  /** Object ids of those who own every workspace. */
  readonly owners?: ReadonlySet<string>;
}

const LOOPBACK: Caller = { kind: "loopback", id: "loopback" };
export const ANONYMOUS: Caller = { kind: "anonymous", id: "anonymous" };

/**
 * The caller of a request. Costs nothing where the local host vouches for its user, and a look into memory for a key
 * that was used in the last 30 s.
 */
export function identify(by: Authentication, request: AppRequest): Promise<Caller> | Caller {
  if (by.loopbackUser) return LOOPBACK;
  const credential = credentialOf(request.headers.get("authorization"));
  if (credential === undefined) return ANONYMOUS;
  const secret = readCredential(credential);
  if (secret) return callerWith(by.realm, secret);
  return by.entra && isSignedToken(credential) ? callerOfToken(by, by.entra, credential) : ANONYMOUS;
}

async function callerWith(realm: Realm, secret: ReadCredential): Promise<Caller> {
  const { kind, workspaceId } = secret;
  const workspace = workspaceOfId(realm, workspaceId);
  if (kind === "run") {
    const token = await runOfToken(workspace, secret);
    return token ? { kind, id: token.runId, token, workspaceId } : ANONYMOUS;
  }
  const holder = await holderOfKey(workspace, secret);
  if (!holder) return ANONYMOUS;
  return { kind, id: holder.member, keyId: holder.keyId, workspaceId, role: holder.role };
}

async function callerOfToken({ owners }: Authentication, entra: EntraVerifier, token: string): Promise<Caller> {
  const id = await entra.verify(token);
  return id === undefined ? ANONYMOUS : { kind: "entra", id, ownsAll: owners?.has(id) ?? false };
}

/**
 * Deny by default: lets a caller do what needs a permission.
 * @param workspaceName of the workspace that the request is about; undefined when it is about none, which is for
 * administrators
 * @returns that workspace and the caller's role in it
 * @throws Unauthenticated; PermissionDenied; NotFound for a workspace that is not there and, in the same words, for one
 * that the caller has no part in
 */
export async function admit(
  realm: Realm,
  caller: Caller,
  { permission, writes }: Rule,
  workspaceName?: string,
): Promise<Admission | undefined> {
  if (permission === "none") return undefined;
  requireSomebody(caller);
  if (workspaceName !== undefined) return enter(realm, caller, { permission, writes }, workspaceName);
  if (permission === "any") return undefined;
  if (await isAdministrator(realm, caller)) return undefined;
  throw permissionDenied(permission);
}

/** @throws Unauthenticated */
export function requireSomebody(caller: Caller): void {
  if (caller.kind !== "anonymous") return;
  throw new WorkspaceError("Unauthenticated", "The request carries no valid credentials.");
}

async function enter(realm: Realm, caller: Caller, rule: Rule, name: string): Promise<Admission> {
  const workspace = await locateWorkspace(realm, name);
  const role = await roleIn(realm, caller, workspace.id);
  if (role === undefined) throw new NotAdmitted(workspaceNotFound(name), workspace.id);
  if (!grants(role, rule.permission) && !grantsOwn(caller, rule)) {
    throw new NotAdmitted(permissionDenied(rule.permission, role), workspace.id);
  }
  return { workspace, role };
}

/**
 * Whether a caller has the permission as far as its own keys, or its own run, go; the operation sees to it that it
 * stays within these.
 */
function grantsOwn({ kind }: Caller, { permission, writes }: Rule): boolean {
  // Keys are for those who sign in elsewhere: a key that makes keys would outlive its own revocation.
  if (kind === "entra") return permission === "keys";
  return kind === "run" && permission === "write" && writes !== undefined;
}

/** The role of a caller in a workspace; undefined when it has no part in it. */
export function roleIn(
  realm: Realm,
  caller: Caller,
  workspaceId: string,
): Promise<Role | undefined> | Role | undefined {
  if (caller.kind === "anonymous") return undefined;
  return caller.kind === "loopback" ? "owner" : roleOfMember(realm, caller, workspaceId);
}

type Member = KeyCaller | EntraCaller | RunCaller;

async function roleOfMember(realm: Realm, caller: Member, workspaceId: string): Promise<Role | undefined> {
  const own = await memberRole(realm, caller, workspaceId);
  return own === "owner" || !(await isAdministrator(realm, caller)) ? own : "owner";
}

/** The owners of the workspace `default` administrate the others: they make workspaces, and own them all. */
async function isAdministrator(realm: Realm, caller: Caller): Promise<boolean> {
  if (caller.kind === "anonymous") return false;
  if (caller.kind === "loopback" || (caller.kind === "entra" && caller.ownsAll)) return true;
  const { id } = await locateWorkspace(realm, DEFAULT_WORKSPACE);
  return (await memberRole(realm, caller, id)) === "owner";
}

/** Keys and run tokens are worth something in their own workspace alone. */
async function memberRole(realm: Realm, caller: Member, workspaceId: string): Promise<Role | undefined> {
  if (caller.kind === "key") return caller.workspaceId === workspaceId ? caller.role : undefined;
  if (caller.kind === "run") return caller.workspaceId === workspaceId ? "reader" : undefined;
  return (await recentMember(workspaceOfId(realm, workspaceId), caller.id))?.role;
}

/** A refusal by a workspace that is there, whatever the caller is told; its owners hear of it. */
export class NotAdmitted extends WorkspaceError {
  readonly workspaceId: string;

  constructor({ code, message }: WorkspaceError, workspaceId: string) {
    super(code, message);
    this.workspaceId = workspaceId;
  }
}

function permissionDenied(permission: Permission, role?: Role): WorkspaceError {
  const lacking = role === undefined ? "" : `, which the role ${role} does not have`;
  return new WorkspaceError("PermissionDenied", `This needs the permission '${permission}'${lacking}.`);
}
