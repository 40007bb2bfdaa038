import type { Item, Stored } from "../stores/document-store.ts";
import { AlreadyExists, PreconditionFailed } from "../stores/errors.ts";
import { MAX_SECRET_BYTES, type SecretStore } from "../stores/secret-store.ts";
import { invalid, invalidState, notFound, WorkspaceError } from "./errors.ts";
import { hashOf } from "./hash.ts";
import { optimistically } from "./optimistic.ts";
import { CATALOG, secretStorePrefix } from "./stored-names.ts";
import { cut } from "./validation.ts";
import type { Workspace } from "./workspace.ts";

/** A secret as its workspace lists it. Only the store has the value. */
export interface Secret {
  /** As it was first set; upper and lower case are the same. */
  readonly name: string;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly updatedBy: string;
}

interface SecretItem extends Item {
  readonly kind: "secret";
  readonly secret: Secret;
  /** Its name in the store, made by us: no name of a user ever gets there. */
  readonly key: string;
}

/** Azure ML's names of secrets, which are Key Vault's, and underscores, since most become variables. The vault gets names of ours. */
export const SECRET_NAME = /^[A-Za-z0-9_-]{1,127}$/;
export const SECRET_RULE = "a name of 1 to 127 letters, digits, '-' and '_'";
const MAX_SECRETS = 1000;

const documentId = (name: string): string => CATALOG.secrets.of(hashOf(name.toLowerCase()));

/**
 * Gives a secret a value, whether there is one of this name or not. The value is in the store before its name is in the workspace, so a name
 * that is listed has a value.
 */
export function setSecret(workspace: Workspace, name: string, value: string, by: string): Promise<Secret> {
  requireValue(value);
  const store = storeOf(workspace);
  return optimistically(`${workspace.id}/${documentId(name)}`, async () => {
    const known = await find(workspace, name);
    const updatedMs = workspace.clock.now();
    const before = known?.item.secret ?? { name, createdMs: updatedMs };
    const secret: Secret = { ...before, updatedMs, updatedBy: by };
    if (!known) await requireRoom(workspace);
    const key = known?.item.key ?? `${secretStorePrefix(workspace.id)}${workspace.ids.hex(16)}`;
    await store.set(key, value);
    await write(workspace, { secret, key }, known).catch(async (error) => {
      // Somebody else made it, or took it away, meanwhile: what was set just now belongs to nobody.
      if (error instanceof PreconditionFailed) await removeUnnamed(workspace, store, name, key);
      throw error;
    });
    return secret;
  });
}

/** In order of name, without regard to case. */
export async function listSecrets(workspace: Workspace): Promise<Secret[]> {
  const found: Secret[] = [];
  for await (const page of workspace.stores.documents.catalog.list<SecretItem>(workspace.id, CATALOG.secrets.all())) {
    found.push(...page.map(({ item }) => item.secret));
  }
  const order = ({ name }: Secret) => name.toLowerCase();
  return found.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

/** The value; at most five minutes old where another instance has changed it. @throws NotFound */
export async function readSecret(workspace: Workspace, name: string): Promise<string> {
  const known = await find(workspace, name);
  const value = known && (await storeOf(workspace).get(known.item.key));
  if (value === undefined) throw secretNotFound(name);
  return value;
}

/** Its name goes first, so that nobody finds half of it. @throws NotFound */
export async function deleteSecret(workspace: Workspace, name: string): Promise<void> {
  const store = storeOf(workspace);
  const known = await find(workspace, name);
  if (!known || !(await workspace.stores.documents.catalog.remove(workspace.id, known.item.id))) {
    throw secretNotFound(name);
  }
  await store.remove(known.item.key);
}

/** For a workspace that goes: all values in the store, named or not. */
export async function removeSecretsOf(workspace: Workspace): Promise<void> {
  const { secrets } = workspace.stores;
  for (const key of (await secrets?.names(secretStorePrefix(workspace.id))) ?? []) await secrets!.remove(key);
}

function requireValue(value: string): void {
  const bytes = Buffer.byteLength(value);
  if (value !== "" && value.isWellFormed() && bytes <= MAX_SECRET_BYTES) return;
  throw invalid(`The value of a secret is a text of 1 to ${MAX_SECRET_BYTES} bytes of UTF-8; this one has ${bytes}.`);
}

async function requireRoom(workspace: Workspace): Promise<void> {
  if ((await listSecrets(workspace)).length < MAX_SECRETS) return;
  throw invalidState(`A workspace has at most ${MAX_SECRETS} secrets.`);
}

/** @throws NotImplemented where the deployment has no vault */
function storeOf({ stores }: Workspace): SecretStore {
  if (stores.secrets) return stores.secrets;
  throw new WorkspaceError(
    "NotImplemented",
    "This deployment has no store for secrets: CAIRN_VAULT_ENDPOINT is missing.",
  );
}

function find(workspace: Workspace, name: string): Promise<Stored<SecretItem> | undefined> {
  return workspace.stores.documents.catalog.get<SecretItem>(workspace.id, documentId(name));
}

/** @throws PreconditionFailed when somebody else was faster */
async function write(
  workspace: Workspace,
  { secret, key }: Pick<SecretItem, "secret" | "key">,
  known: Stored<SecretItem> | undefined,
): Promise<void> {
  const { catalog } = workspace.stores.documents;
  const item: SecretItem = {
    id: documentId(secret.name),
    scope: `${workspace.id}/secrets`,
    kind: "secret",
    secret,
    key,
  };
  if (known) await catalog.replace(workspace.id, item, known.etag);
  else {
    await catalog.create(workspace.id, item).catch((error) => {
      throw error instanceof AlreadyExists ? new PreconditionFailed("Somebody else made it.") : error;
    });
  }
}

async function removeUnnamed(workspace: Workspace, store: SecretStore, name: string, key: string): Promise<void> {
  if ((await find(workspace, name))?.item.key !== key) await store.remove(key);
}

function secretNotFound(name: string): Error {
  return notFound(`Secret '${cut(name)}' not found`);
}
