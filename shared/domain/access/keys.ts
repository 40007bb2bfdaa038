import type { Item, Stored } from "../../stores/document-store.ts";
import { invalid, invalidState, notFound } from "../errors.ts";
import { cut } from "../validation.ts";
import { listMembers, type MembersOf, memberNotFound, recentMember, removeMember, requireMemberId } from "./members.ts";
import { lowerRole, type Role } from "./roles.ts";
import { issueSecret, type ReadSecret, sameHash } from "./secrets.ts";

/** A key as its owners see it; what it is itself is shown once, when it is made. */
export interface Key {
  readonly id: string;
  readonly name: string;
  /** Whose it is: it can do what this member can. */
  readonly member: string;
  /** It can do less than its member. */
  readonly role?: Role;
  readonly createdMs: number;
  readonly createdBy: string;
  /** Absent: never. */
  readonly expiresMs?: number;
  /** To the hour. */
  readonly lastUsedMs?: number;
}

interface KeyItem extends Item {
  readonly kind: "key";
  readonly key: Key;
  readonly hash: string;
  readonly membership: string;
}

/** Who a key speaks for. */
export interface KeyHolder {
  readonly keyId: string;
  readonly member: string;
  readonly role: Role;
}

export interface NewKey {
  readonly name: string;
  readonly member: string;
  readonly role?: Role;
  readonly expiresMs?: number;
  readonly createdBy: string;
}

export const KEY_ID = /^[0-9a-f]{16}$/;
const MAX_KEYS = 1000;
const USE_NOTED_EVERY_MS = 3_600_000;
/** An expired key stays in the list for a while, so that people see why something stopped working. */
const SHOWN_AFTER_EXPIRY_SECONDS = 30 * 24 * 3600;
const KEYS = { from: "key-", to: "key." };

const documentId = (keyId: string): string => `key-${keyId}`;
const recentKey = (workspaceId: string, keyId: string): string => `${workspaceId}/key-${keyId}`;

/**
 * Makes a key for a member.
 * @throws NotFound for no member; InvalidParameter for a role above the member's
 */
export async function createKey(workspace: MembersOf, input: NewKey): Promise<{ key: Key; secret: string }> {
  const memberId = requireMemberId(input.member);
  const member = (await listMembers(workspace)).find(({ id }) => id === memberId);
  if (!member) throw memberNotFound(input.member);
  if (input.role && lowerRole(member.role, input.role) !== input.role) {
    throw invalid(`The role of a key cannot be above its member's: '${memberId}' is ${member.role}.`);
  }
  if ((await listKeys(workspace)).length >= MAX_KEYS) throw invalidState(`A workspace has at most ${MAX_KEYS} keys.`);
  const { secret, hash, id } = issueSecret(workspace.ids, "key", workspace.id);
  const { name, role, expiresMs, createdBy } = input;
  const createdMs = workspace.clock.now();
  const key: Key = {
    id,
    name,
    member: memberId,
    ...(role && { role }),
    createdMs,
    createdBy,
    ...(expiresMs !== undefined && { expiresMs }),
  };
  await workspace.stores.documents.catalog.create(
    workspace.id,
    toItem(workspace, { key, hash, membership: member.membership }),
  );
  return { key, secret };
}

/** In order of creation. */
export async function listKeys(workspace: MembersOf): Promise<Key[]> {
  const found: Key[] = [];
  for await (const page of workspace.stores.documents.catalog.list<KeyItem>(workspace.id, KEYS)) {
    found.push(...page.map(({ item }) => item.key));
  }
  return found.sort((a, b) => a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1));
}

/** The key is out at once. @throws NotFound, also for one of another member than `onlyOf` */
export async function revokeKey(workspace: MembersOf, keyId: string, onlyOf?: string): Promise<Key> {
  const { catalog } = workspace.stores.documents;
  const stored = KEY_ID.test(keyId) ? await catalog.get<KeyItem>(workspace.id, documentId(keyId)) : undefined;
  if (!stored || (onlyOf !== undefined && stored.item.key.member !== onlyOf)) throw keyNotFound(keyId);
  const wasThere = await catalog.remove(workspace.id, documentId(keyId));
  workspace.memory.recent.forget(recentKey(workspace.id, keyId));
  if (!wasThere) throw keyNotFound(keyId);
  return stored.item.key;
}

/** Takes a member out, and all keys of theirs. @throws NotFound; InvalidState for the last owner */
export async function dismissMember(workspace: MembersOf, id: string): Promise<void> {
  const member = await removeMember(workspace, id);
  for (const key of await listKeys(workspace)) {
    if (key.member === member.id) await revokeKey(workspace, key.id);
  }
}

/** Who a key speaks for; undefined when it is unknown, revoked or expired, or its member is gone. Read at most every 30 s. */
export async function holderOfKey(workspace: MembersOf, { id, hash }: ReadSecret): Promise<KeyHolder | undefined> {
  const { memory, clock } = workspace;
  const item = await memory.recent.get(clock, recentKey(workspace.id, id), () => readForUse(workspace, id));
  if (!item || !sameHash(item.hash, hash)) return undefined;
  if (item.key.expiresMs !== undefined && clock.now() >= item.key.expiresMs) return undefined;
  const member = await recentMember(workspace, item.key.member, item.membership);
  if (!member) return undefined;
  return { keyId: id, member: member.id, role: lowerRole(member.role, item.key.role) };
}

async function readForUse(workspace: MembersOf, keyId: string): Promise<KeyItem | undefined> {
  const stored = await workspace.stores.documents.catalog.get<KeyItem>(workspace.id, documentId(keyId));
  if (stored) await noteUse(workspace, stored);
  return stored?.item;
}

/** At most once an hour. Whoever loses the race against another note, or a revocation, has nothing to add. */
async function noteUse(workspace: MembersOf, { item, etag }: Stored<KeyItem>): Promise<void> {
  const lastUsedMs = workspace.clock.now();
  if (Math.abs(lastUsedMs - (item.key.lastUsedMs ?? 0)) < USE_NOTED_EVERY_MS) return;
  const used = toItem(workspace, { ...item, key: { ...item.key, lastUsedMs } });
  await workspace.stores.documents.catalog.replace(workspace.id, used, etag).catch(() => {});
}

function toItem(
  workspace: MembersOf,
  { key, hash, membership }: Pick<KeyItem, "key" | "hash" | "membership">,
): KeyItem {
  const id = documentId(key.id);
  const item: KeyItem = { id, scope: `${workspace.id}/keys`, kind: "key", key, hash, membership };
  if (key.expiresMs === undefined) return item;
  const leftSeconds = Math.ceil((key.expiresMs - workspace.clock.now()) / 1000);
  return { ...item, ttl: Math.max(0, leftSeconds) + SHOWN_AFTER_EXPIRY_SECONDS };
}

function keyNotFound(keyId: string): Error {
  return notFound(`Key '${cut(keyId)}' not found`);
}
