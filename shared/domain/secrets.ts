import { MAX_SECRET_BYTES, type SecretStore } from "../stores/secret-store.ts";
import { type CatalogItem, catalogKind } from "./catalog-kind.ts";
import { invalid, invalidState, notFound, WorkspaceError } from "./errors.ts";
import { hashOf } from "./hash.ts";
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

interface SecretItem extends CatalogItem {
  readonly kind: "secret";
  readonly secret: Secret;
  /** Its name in the store, made by us: no name of a user ever gets there. */
  readonly key: string;
}

/** Azure ML's names of secrets, which are Key Vault's, and underscores, since most become variables. The vault gets names of ours. */
export const SECRET_NAME = /^[A-Za-z0-9_-]{1,127}$/;
export const SECRET_RULE = "a name of 1 to 127 letters, digits, '-' and '_'";
const MAX_SECRETS = 1000;

const SECRETS = catalogKind<SecretItem>({
  kind: "secret",
  idOf: (name) => CATALOG.secrets.of(hashOf(name.toLowerCase())),
  range: CATALOG.secrets.all(),
  scope: "secrets",
  unknown: secretNotFound,
});

/**
 * Gives a secret a value, whether there is one of this name or not. The value is in the store before its name is in the workspace, so a name
 * that is listed has a value.
 */
export function setSecret(workspace: Workspace, name: string, value: string, by: string): Promise<Secret> {
  requireValue(value);
  const store = storeOf(workspace);
  return SECRETS.put(workspace, name, async (known) => {
    const updatedMs = workspace.clock.now();
    const before = known?.secret ?? { name, createdMs: updatedMs };
    const secret: Secret = { ...before, updatedMs, updatedBy: by };
    if (!known) await requireRoom(workspace);
    const key = known?.key ?? `${secretStorePrefix(workspace.id)}${workspace.ids.hex(16)}`;
    await store.set(key, value);
    // Somebody else made it, or took it away, meanwhile: what was set just now belongs to nobody.
    return { contents: { secret, key }, result: secret, lost: () => removeUnnamed(workspace, store, name, key) };
  });
}

/** In order of name, without regard to case. */
export async function listSecrets(workspace: Workspace): Promise<Secret[]> {
  const found = (await SECRETS.list(workspace)).map(({ secret }) => secret);
  const order = ({ name }: Secret) => name.toLowerCase();
  return found.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

/** The value; at most five minutes old where another instance has changed it. @throws NotFound */
export async function readSecret(workspace: Workspace, name: string): Promise<string> {
  const { item } = await SECRETS.require(workspace, name);
  const value = await storeOf(workspace).get(item.key);
  if (value === undefined) throw secretNotFound(name);
  return value;
}

/** Its name goes first, so that nobody finds half of it. @throws NotFound */
export async function deleteSecret(workspace: Workspace, name: string): Promise<void> {
  const store = storeOf(workspace);
  const { key } = await SECRETS.remove(workspace, name);
  await store.remove(key);
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

async function removeUnnamed(workspace: Workspace, store: SecretStore, name: string, key: string): Promise<void> {
  if ((await SECRETS.get(workspace, name))?.item.key !== key) await store.remove(key);
}

function secretNotFound(name: string): Error {
  return notFound(`Secret '${cut(name)}' not found`);
}
