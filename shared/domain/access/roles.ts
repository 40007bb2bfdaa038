/** What a member may do in a workspace, from least to most. */
export const ROLES = ["reader", "contributor", "owner"] as const;
export type Role = (typeof ROLES)[number];

/** What an operation needs. */
export type Permission =
  /** See what is in a workspace. */
  | "read"
  /** Create and change what is in a workspace, soft deletion included. */
  | "write"
  /** Change who may do what, read the events, remove things for good, the workspace itself included. */
  | "manage"
  /** Make, list and revoke keys: owners for everybody, members who signed in with Microsoft Entra ID for themselves. */
  | "keys"
  /** See the values of secrets. */
  | "secrets"
  /** Create workspaces: an owner of the workspace `default`. */
  | "administer"
  /** Nothing but valid credentials; the answer shows only what the caller may see. */
  | "any"
  /** Nothing: the answer tells nothing about anybody's data. */
  | "none";

const GRANTED: Record<Role, readonly Permission[]> = {
  reader: ["none", "any", "read"],
  contributor: ["none", "any", "read", "write"],
  owner: ["none", "any", "read", "write", "manage", "keys", "secrets"],
};

/** Whether a role alone gives the permission. */
export function grants(role: Role, permission: Permission): boolean {
  return GRANTED[role].includes(permission);
}

/** The lower of two roles; absent: no limit. */
export function lowerRole(role: Role, limit: Role | undefined): Role {
  return limit !== undefined && ROLES.indexOf(limit) < ROLES.indexOf(role) ? limit : role;
}
