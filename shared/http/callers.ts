import { WorkspaceError } from "../domain/errors.ts";

/** What a route needs. */
export type Permission =
  /** See what is in a workspace. */
  | "read"
  /** Create and change what is in a workspace, soft deletion included. */
  | "write"
  /** Create and delete workspaces, remove things for good. */
  | "manage"
  /** Nothing: the answer tells nothing about anybody's data. */
  | "none";

/** Who is calling. */
export interface Caller {
  readonly kind: "loopback";
  readonly permissions: readonly Permission[];
}

const LOOPBACK: Caller = { kind: "loopback", permissions: ["read", "write", "manage"] };

/**
 * The caller of a request. Until there are tokens and keys the only one is the user of this machine, and only where the local host vouches
 * that requests come from there; anywhere else nobody gets in.
 */
export function identify(loopbackUser: boolean): Caller | undefined {
  return loopbackUser ? LOOPBACK : undefined;
}

/** Deny by default. @throws Unauthenticated, PermissionDenied */
export function authorize(caller: Caller | undefined, permission: Permission): void {
  if (permission === "none") return;
  if (caller === undefined) throw new WorkspaceError("Unauthenticated", "The request carries no valid credentials.");
  if (!caller.permissions.includes(permission)) {
    throw new WorkspaceError("PermissionDenied", `This needs the permission '${permission}'.`);
  }
}
