import type { Clock, Ids } from "../stores/clock.ts";
import type { Item, Stored } from "../stores/document-store.ts";
import { AlreadyExists, PreconditionFailed } from "../stores/errors.ts";
import type { Stores } from "../stores/stores.ts";
import { alreadyExists, invalid, invalidState, notFound, WorkspaceError } from "./errors.ts";
import { ensureDefaultExperiment } from "./experiments.ts";
import type { Memory } from "./memory.ts";
import { optimistically } from "./optimistic.ts";
import type { SweepProgress } from "./purge/notes.ts";
import { PURGE_QUEUE } from "./queues.ts";
import { WORKSPACES, WORKSPACES_PARTITION } from "./stored-names.ts";
import { cut, requireLength } from "./validation.ts";
import type { Workspace } from "./workspace.ts";

export interface WorkspaceInfo {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly createdMs: number;
}

/** What of a workspace never changes. */
export type WorkspaceReference = Pick<WorkspaceInfo, "id" | "name">;

interface WorkspaceItem extends Item {
  readonly kind: "workspace";
  readonly workspace: WorkspaceInfo;
  /** Since when its door is closed, because it is being looked whether it is empty and may go; absent: it is open. */
  readonly closedMs?: number;
}

/** What all workspaces share. */
export interface Realm {
  readonly stores: Stores;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly memory: Memory;
}

/** A deleted workspace whose purge is under way. */
export interface GoneItem extends Item {
  readonly kind: "workspace-gone";
  readonly name: string;
  readonly firstSweepMs?: number;
  /** How far the sweep under way has come. */
  readonly progress?: SweepProgress & { readonly experimentId: string };
}

export const DEFAULT_WORKSPACE = "default";
export const MAX_DESCRIPTION = 500;
/** Looking whether a workspace is empty takes no longer; whoever finds a door closed since before then opens it. */
const CLOSED_AT_MOST_MS = 60_000;
export const WORKSPACE_NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])$/;
/** Ids of the workspaces that are ready. */
const opened = new WeakMap<Memory, Set<string>>();
/** The default workspace cannot be deleted, so its id is asked for once. */
const defaults = new WeakMap<Memory, WorkspaceReference>();

const documentId = (name: string): string => WORKSPACES.names.of(name);

/**
 * Which workspace has that name. `default` comes into being when it is first asked for.
 * @throws NotFound
 */
export function locateWorkspace(realm: Realm, name: string): Promise<WorkspaceReference> | WorkspaceReference {
  return name === DEFAULT_WORKSPACE ? (defaults.get(realm.memory) ?? locateDefault(realm)) : getWorkspace(realm, name);
}

async function locateDefault(realm: Realm): Promise<WorkspaceReference> {
  const found = await getWorkspace(realm, DEFAULT_WORKSPACE);
  defaults.set(realm.memory, found);
  return found;
}

/** The workspace of that name, ready for use. @throws NotFound */
export async function openWorkspace(realm: Realm, name: string): Promise<Workspace> {
  return openLocated(realm, await locateWorkspace(realm, name));
}

/** The same, of a workspace that was located already. */
export async function openLocated(realm: Realm, { id, name }: WorkspaceReference): Promise<Workspace> {
  const workspace: Workspace = { id, name, ...realm };
  if (!opened.get(realm.memory)?.has(id)) await prepare(workspace);
  return workspace;
}

/** The workspace of an id that a message brought, under no name; it may be gone already. */
export function workspaceOfId(realm: Realm, id: string): Workspace {
  return { id, name: "", ...realm };
}

async function createDefault(realm: Realm, name: string): Promise<WorkspaceInfo> {
  if (name !== DEFAULT_WORKSPACE) throw workspaceNotFound(name);
  try {
    return await createWorkspace(realm, name, "");
  } catch (error) {
    const found = await find(realm, name);
    if (found) return found;
    throw error;
  }
}

/** Once for each workspace and process. */
async function prepare(workspace: Workspace): Promise<void> {
  const createdMs = async () => {
    const found = await find(workspace, workspace.name);
    return found?.id === workspace.id ? found.createdMs : workspace.clock.now();
  };
  await ensureDefaultExperiment(workspace, createdMs);
  const ready = opened.get(workspace.memory) ?? new Set();
  opened.set(workspace.memory, ready.add(workspace.id));
}

/** @throws InvalidParameter, AlreadyExists */
export async function createWorkspace(realm: Realm, name: string, description: string): Promise<WorkspaceInfo> {
  requireWorkspaceName(name);
  requireLength("description", description, MAX_DESCRIPTION);
  const workspace: WorkspaceInfo = {
    id: `w${realm.ids.hex(8)}`,
    name,
    description,
    createdMs: realm.clock.now(),
  };
  try {
    await realm.stores.documents.catalog.create(WORKSPACES_PARTITION, toItem(workspace));
  } catch (error) {
    if (error instanceof AlreadyExists) throw alreadyExists(`Workspace '${name}' already exists.`);
    throw error;
  }
  return workspace;
}

/** In order of name. */
export async function listWorkspaces(realm: Realm): Promise<WorkspaceInfo[]> {
  await openWorkspace(realm, DEFAULT_WORKSPACE);
  const found: WorkspaceInfo[] = [];
  for await (const page of realm.stores.documents.catalog.list<WorkspaceItem>(
    WORKSPACES_PARTITION,
    WORKSPACES.names.all(),
  )) {
    found.push(...page.map(({ item }) => item.workspace));
  }
  return found;
}

/** @throws NotFound */
export async function getWorkspace(realm: Realm, name: string): Promise<WorkspaceInfo> {
  const found = await find(realm, name);
  if (found) return found;
  if (name === DEFAULT_WORKSPACE) return createDefault(realm, name);
  throw workspaceNotFound(name);
}

export function updateWorkspace(realm: Realm, name: string, description: string): Promise<WorkspaceInfo> {
  requireLength("description", description, MAX_DESCRIPTION);
  return optimistically(`workspaces/${name}`, async () => {
    const { catalog } = realm.stores.documents;
    await getWorkspace(realm, name);
    const stored = await catalog.get<WorkspaceItem>(WORKSPACES_PARTITION, documentId(name));
    if (!stored) throw workspaceNotFound(name);
    const workspace = { ...stored.item.workspace, description };
    await catalog.replace(WORKSPACES_PARTITION, toItem(workspace), stored.etag);
    return workspace;
  });
}

/**
 * Takes the name away at once, and everything else by way of the queue. A new workspace of the name sees nothing of the old one.
 * @throws InvalidState for `default`, NotFound
 */
export function deleteWorkspace(realm: Realm, name: string): Promise<WorkspaceInfo> {
  return optimistically(`workspaces/${name}`, async () => buryWorkspace(realm, await requireDeletable(realm, name)));
}

/** @throws InvalidState for `default`, NotFound */
export async function requireDeletable(realm: Realm, name: string): Promise<Stored<WorkspaceItem>> {
  if (name === DEFAULT_WORKSPACE) throw invalidState("The workspace 'default' cannot be deleted.");
  const stored = await findStored(realm, name);
  if (!stored) throw workspaceNotFound(name);
  return stored;
}

/** The workspace as it is now, open or closed; undefined when there is none of that name. */
export async function findStored(realm: Realm, name: string): Promise<Stored<WorkspaceItem> | undefined> {
  return isWorkspaceName(name) ? realm.stores.documents.catalog.get(WORKSPACES_PARTITION, documentId(name)) : undefined;
}

/** Opens or closes its door. @throws the store's PreconditionFailed when it has changed meanwhile */
export async function setClosed(
  realm: Realm,
  { item, partition, etag }: Stored<WorkspaceItem>,
  closedMs: number | undefined,
): Promise<Stored<WorkspaceItem>> {
  const changed: WorkspaceItem = { ...item, closedMs };
  return {
    item: changed,
    partition,
    etag: await realm.stores.documents.catalog.replace(WORKSPACES_PARTITION, changed, etag),
  };
}

/** @throws NotFound when somebody else has done it; the store's PreconditionFailed when it has changed meanwhile */
export async function buryWorkspace(realm: Realm, { item, etag }: Stored<WorkspaceItem>): Promise<WorkspaceInfo> {
  const { id, name } = item.workspace;
  const gone: GoneItem = { id: WORKSPACES.gone.of(id), scope: "workspaces-gone", kind: "workspace-gone", name };
  try {
    await realm.stores.documents.catalog.batch(WORKSPACES_PARTITION, [
      { kind: "create", item: gone },
      { kind: "remove", id: item.id, etag },
    ]);
  } catch (error) {
    throw error instanceof AlreadyExists ? workspaceNotFound(name) : error;
  }
  await PURGE_QUEUE.send(realm, { kind: "workspace", workspaceId: id });
  return item.workspace;
}

/** Ids of deleted workspaces whose purge has not ended yet. */
export async function workspacesToPurge(realm: Realm): Promise<string[]> {
  const ids: string[] = [];
  for await (const page of realm.stores.documents.catalog.list(WORKSPACES_PARTITION, WORKSPACES.gone.all())) {
    ids.push(...page.map(({ item }) => item.id.slice(WORKSPACES.gone.prefix.length)));
  }
  return ids;
}

/** The last step of a workspace's purge. */
export async function forgetWorkspace(realm: Realm, workspaceId: string): Promise<void> {
  await realm.stores.documents.catalog.remove(WORKSPACES_PARTITION, WORKSPACES.gone.of(workspaceId));
}

async function find(realm: Realm, name: string): Promise<WorkspaceInfo | undefined> {
  if (!isWorkspaceName(name)) return undefined;
  const { catalog } = realm.stores.documents;
  const stored = await realm.memory.get<WorkspaceItem>(catalog, WORKSPACES_PARTITION, documentId(name), "catalog");
  if (stored?.item.closedMs !== undefined) await reopenForgotten(realm, name);
  return stored?.item.workspace;
}

/** A door that was closed by somebody who died. @throws Unavailable while it may still be closed for a reason */
async function reopenForgotten(realm: Realm, name: string): Promise<void> {
  const stored = await findStored(realm, name);
  if (stored?.item.closedMs === undefined) return;
  if (Math.abs(realm.clock.now() - stored.item.closedMs) < CLOSED_AT_MOST_MS) {
    throw new WorkspaceError(
      "Unavailable",
      `Workspace '${name}' is to be deleted if nothing is in it. Try again in a moment.`,
    );
  }
  await setClosed(realm, stored, undefined).catch((error) => {
    if (!(error instanceof PreconditionFailed)) throw error;
  });
}

function isWorkspaceName(name: string): boolean {
  return WORKSPACE_NAME.test(name);
}

function requireWorkspaceName(name: string): void {
  if (isWorkspaceName(name)) return;
  throw invalid(
    `Invalid value "${cut(name)}" for parameter 'name' supplied: a workspace name has 2 to 32 lower-case letters, digits and ` +
      "hyphens, and begins and ends with a letter or digit.",
  );
}

function toItem(workspace: WorkspaceInfo): WorkspaceItem {
  const id = documentId(workspace.name);
  return { id, scope: "workspaces", kind: "workspace", workspace };
}

export function workspaceNotFound(name: string): WorkspaceError {
  return notFound(`Workspace '${cut(name)}' not found`);
}
