import type { BatchOperation, Item, Stored } from "../../stores/document-store.ts";
import { invalid, invalidState, notFound } from "../errors.ts";
import { KeyedLock } from "../keyed-lock.ts";
import { CATALOG } from "../stored-names.ts";
import { cut } from "../validation.ts";
import { issueCredential, type ReadCredential, sameHash } from "./credentials.ts";
import {
  listMembers,
  type Member,
  type MembersOf,
  memberNotFound,
  recentMember,
  removeMember,
  requireMemberId,
} from "./members.ts";
import { lowerRole, type Role } from "./roles.ts";

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
interface KeyHolder {
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
/** Of one member, expired ones not counted: nobody uses up what others need. */
const MAX_KEYS_OF_MEMBER = 100;
/** Whoever makes keys for one member at once is counted one after the other. */
const making = new KeyedLock();
const USE_NOTED_EVERY_MS = 3_600_000;
/** An expired key stays in the list for a while, so that people see why something stopped working. */
const SHOWN_AFTER_EXPIRY_SECONDS = 30 * 24 * 3600;

const documentId = (keyId: string): string => CATALOG.keys.of(keyId);
const recentKey = (workspaceId: string, keyId: string): string => `${workspaceId}/${documentId(keyId)}`;

/**
 * Makes a key for a member.
 * @throws NotFound for no member; InvalidParameter for a role above the member's; InvalidState when the member has too many
 */
export async function createKey(workspace: MembersOf, input: NewKey): Promise<{ key: Key; secret: string }> {
  const memberId = requireMemberId(input.member);
  const member = (await listMembers(workspace)).find(({ id }) => id === memberId);
  if (!member) throw memberNotFound(input.member);
  if (input.role && lowerRole(member.role, input.role) !== input.role) {
    throw invalid(`The role of a key cannot be above its member's: '${memberId}' is ${member.role}.`);
  }
  return making.run(`${workspace.id}/${memberId}`, async () => {
    await requireRoom(workspace, memberId);
    const drafted = draftKey(workspace, { ...input, member: memberId });
    await workspace.stores.documents.catalog.create(workspace.id, itemOf(workspace, drafted, member));
    return { key: drafted.key, secret: drafted.secret };
  });
}

async function requireRoom(workspace: MembersOf, member: string): Promise<void> {
  const nowMs = workspace.clock.now();
  const counts = (key: Key) => key.member === member && (key.expiresMs === undefined || nowMs < key.expiresMs);
  if ((await listKeys(workspace)).filter(counts).length < MAX_KEYS_OF_MEMBER) return;
  throw invalidState(`'${member}' has ${MAX_KEYS_OF_MEMBER} keys already, which is as many as may be: revoke some.`);
}

/** A key that is not stored yet. */
interface DraftedKey {
  readonly key: Key;
  readonly secret: string;
  readonly hash: string;
}

export function draftKey(workspace: MembersOf, input: NewKey): DraftedKey {
  const { secret, hash, id } = issueCredential(workspace.ids, "key", workspace.id);
  const { name, member, role, expiresMs, createdBy } = input;
  const createdMs = workspace.clock.now();
  const key: Key = {
    id,
    name,
    member,
    ...(role && { role }),
    createdMs,
    createdBy,
    ...(expiresMs !== undefined && { expiresMs }),
  };
  return { key, secret, hash };
}

export function creationOf(workspace: MembersOf, drafted: DraftedKey, member: Member): BatchOperation {
  return { kind: "create", item: itemOf(workspace, drafted, member) };
}

export function removalOf(keyId: string): BatchOperation {
  return { kind: "remove", id: documentId(keyId) };
}

/** In this process, after it was changed. */
export function forgetKey(workspace: MembersOf, keyId: string): void {
  workspace.memory.recent.forget(recentKey(workspace.id, keyId));
}

function itemOf(workspace: MembersOf, { key, hash }: DraftedKey, { membership }: Member): KeyItem {
  return toItem(workspace, { key, hash, membership });
}

/** In order of creation. */
export async function listKeys(workspace: MembersOf): Promise<Key[]> {
  const found: Key[] = [];
  for await (const page of workspace.stores.documents.catalog.list<KeyItem>(workspace.id, CATALOG.keys.all())) {
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
  forgetKey(workspace, keyId);
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
export async function holderOfKey(workspace: MembersOf, { id, hash }: ReadCredential): Promise<KeyHolder | undefined> {
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
