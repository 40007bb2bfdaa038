import type { BatchOperation, Stored } from "../../stores/document-store.ts";
import { catalogKind } from "../catalog-kind.ts";
import { alreadyExists, invalid, notFound } from "../errors.ts";
import { hashOf } from "../hash.ts";
import { optimistically } from "../optimistic.ts";
import { TOMBSTONE_SECONDS } from "../scope-index.ts";
import { CATALOG, digits } from "../stored-names.ts";
import type { Tag } from "../tag.ts";
import {
  cut,
  isReservedForLatest,
  LIMITS,
  requireAlias,
  requireAliasNotReserved,
  requireEntityName,
  requireLength,
  requireModelName,
} from "../validation.ts";
import type { Workspace } from "../workspace.ts";
import type { ModelItem, RegisteredModel, RegistryItem, RegistryTombstone, VersionItem } from "./types.ts";

const BATCH = 90;
export const versionRange = (modelKey: string) => CATALOG.versions.all(modelKey);
export const versionDocumentId = (modelKey: string, version: number): string =>
  CATALOG.versions.of(modelKey, digits(version, 10));

/** By name. Versions are written with their model; both are searched together. */
export const MODELS = catalogKind<ModelItem>({
  kind: "registered-model",
  idOf: (name) => CATALOG.models.of(hashOf(name)),
  range: CATALOG.models.all(),
  scope: "registry",
  parts: "The tags and aliases of this model or version",
  unknown: (name) => notFound(`Registered Model with name=${cut(name)} not found`),
});
export const registryScope = MODELS.scopeOf;

/** Creates a model without versions. @throws AlreadyExists */
export async function createRegisteredModel(
  workspace: Workspace,
  input: { name: string; description?: string; tags: readonly Tag[] },
): Promise<RegisteredModel> {
  requireModelName(input.name);
  for (const tag of input.tags) requireRegistryTag(tag);
  requireLength("description", input.description ?? "", LIMITS.registryDescription);
  const nowMs = workspace.clock.now();
  const model: RegisteredModel = {
    key: workspace.ids.hex(8),
    name: input.name,
    description: input.description ?? "",
    createdMs: nowMs,
    updatedMs: nowMs,
    tags: [...new Map(input.tags.map(({ key, value }) => [key, value]))],
    aliases: [],
    lastVersion: 0,
  };
  await MODELS.create(workspace, model.name, { model }, () => nameTaken(model.name));
  return model;
}

/** @throws NotFound */
export async function getRegisteredModel(workspace: Workspace, name: string): Promise<RegisteredModel> {
  return (await requireModel(workspace, name)).item.model;
}

async function requireModel(workspace: Workspace, name: string): Promise<Stored<ModelItem>> {
  requireModelName(name);
  return MODELS.require(workspace, name);
}

/**
 * Edits a model, with other changes in the same batch. Versions, which depend on it, change under its ETag too.
 * @param edit runs again when another writer was faster
 */
export async function changeModel<R>(
  workspace: Workspace,
  name: string,
  edit: (model: RegisteredModel) => Promise<{ model: RegisteredModel; also?: BatchOperation[]; result: R }>,
): Promise<R> {
  requireModelName(name);
  return MODELS.change(workspace, name, async ({ model: before }) => {
    const { model, also = [], result } = await edit(before);
    return model === before && also.length === 0 ? { result } : { contents: { model }, also, result };
  });
}

export function updateRegisteredModel(
  workspace: Workspace,
  name: string,
  description: string,
): Promise<RegisteredModel> {
  requireLength("description", description, LIMITS.registryDescription);
  return edit(workspace, name, (model) => ({ ...model, description, updatedMs: later(workspace, model.updatedMs) }));
}

/** Versions, tags and aliases stay with it. @throws AlreadyExists */
export async function renameRegisteredModel(
  workspace: Workspace,
  name: string,
  newName: string,
): Promise<RegisteredModel> {
  requireModelName(newName, "new_name");
  return MODELS.put(workspace, newName, async (taken) => {
    const { item, etag } = await requireModel(workspace, name);
    if (newName === name) return { result: item.model };
    if (taken) throw nameTaken(newName);
    const model = { ...item.model, name: newName, updatedMs: later(workspace, item.model.updatedMs) };
    return { contents: { model }, also: [{ kind: "replace", item: tombstone(item), etag }], result: model };
  });
}

/** Deletes the model with all its versions. A crash in the middle leaves a model with fewer versions, and deleting it again goes on. */
export function deleteRegisteredModel(workspace: Workspace, name: string): Promise<void> {
  const { catalog } = workspace.stores.documents;
  return optimistically(`${workspace.id}/${MODELS.idOf(name)}`, async () => {
    const { item, etag } = await requireModel(workspace, name);
    const removals: BatchOperation[] = [];
    for await (const page of catalog.list<RegistryItem>(workspace.id, versionRange(item.model.key))) {
      for (const version of page) {
        if (version.item.kind !== "tombstone") removals.push(buried(version));
      }
    }
    while (removals.length > BATCH) await catalog.batch(workspace.id, removals.splice(0, BATCH));
    await catalog.batch(workspace.id, [...removals, { kind: "replace", item: tombstone(item), etag }]);
  });
}

export function setRegisteredModelTag(workspace: Workspace, name: string, tag: Tag): Promise<RegisteredModel> {
  requireRegistryTag(tag);
  return edit(workspace, name, (model) => ({ ...model, tags: [...new Map(model.tags).set(tag.key, tag.value)] }));
}

/** Nothing happens when there is no such tag. */
export async function deleteRegisteredModelTag(
  workspace: Workspace,
  name: string,
  key: string,
): Promise<RegisteredModel> {
  requireEntityName("key", key);
  return edit(workspace, name, (model) => {
    const tags = new Map(model.tags);
    return tags.delete(key) ? { ...model, tags: [...tags] } : model;
  });
}

/** Points an alias to a version; an alias points to one version at a time. */
export async function setAlias(workspace: Workspace, name: string, alias: string, version: number): Promise<void> {
  requireAlias(alias);
  requireAliasNotReserved(alias);
  const { catalog } = workspace.stores.documents;
  await changeModel(workspace, name, async (model) => {
    const id = versionDocumentId(model.key, version);
    const stored = await catalog.get<RegistryItem>(workspace.id, id);
    if (stored?.item.kind !== "model-version") throw versionNotFound(name, version);
    const aliases = [...new Map(model.aliases).set(alias, version)];
    return { model: { ...model, aliases }, result: undefined };
  });
}

/** Nothing happens when there is no such alias. */
export async function deleteAlias(workspace: Workspace, name: string, alias: string): Promise<void> {
  requireAlias(alias);
  await edit(workspace, name, (model) => {
    const aliases = new Map(model.aliases);
    return aliases.delete(alias) ? { ...model, aliases: [...aliases] } : model;
  });
}

/**
 * The version an alias points to; `latest`, in any case, is the newest one.
 * @throws InvalidParameter for an unknown alias, as MLflow has it; NotFound for `latest` of a model without versions
 */
export async function resolveAlias(workspace: Workspace, name: string, alias: string): Promise<number> {
  requireAlias(alias);
  const model = await getRegisteredModel(workspace, name);
  if (isReservedForLatest(alias)) return newestVersion(workspace, model);
  const version = new Map(model.aliases).get(alias);
  if (version === undefined) throw invalid(`Registered model alias ${alias} not found.`);
  return version;
}

/** Mostly the last one that was made; otherwise they are looked through. @throws NotFound */
async function newestVersion(workspace: Workspace, { key, name, lastVersion }: RegisteredModel): Promise<number> {
  const { catalog } = workspace.stores.documents;
  const last = await catalog.get<RegistryItem>(workspace.id, versionDocumentId(key, lastVersion));
  if (last?.item.kind === "model-version") return lastVersion;
  let newest: number | undefined;
  for await (const page of catalog.list<RegistryItem>(workspace.id, versionRange(key))) {
    for (const { item } of page) if (item.kind === "model-version") newest = item.version.version;
  }
  if (newest !== undefined) return newest;
  throw notFound(`Latest version not found for model ${cut(name)}.`);
}

/** As in MLflow, tags and aliases leave the time of the last update as it is. */
function edit(
  workspace: Workspace,
  name: string,
  change: (model: RegisteredModel) => RegisteredModel,
): Promise<RegisteredModel> {
  return changeModel(workspace, name, async (before) => {
    const model = change(before);
    return { model, result: model };
  });
}

export function later(workspace: Workspace, beforeMs: number): number {
  return Math.max(workspace.clock.now(), beforeMs);
}

export function requireRegistryTag(tag: Tag): void {
  requireEntityName("key", tag.key);
  requireLength("key", tag.key, LIMITS.key);
  requireLength("value", tag.value, LIMITS.registryTagValue);
}

export function tombstone({ id, scope }: ModelItem | VersionItem): RegistryTombstone {
  return { id, scope, kind: "tombstone", ttl: TOMBSTONE_SECONDS };
}

function buried({ item, etag }: Stored<RegistryItem>): BatchOperation {
  return { kind: "replace", item: tombstone(item as VersionItem), etag };
}

export function versionNotFound(name: string, version: number | string): Error {
  return notFound(`Model Version (name=${cut(name)}, version=${version}) not found`);
}

function nameTaken(name: string): Error {
  return alreadyExists(`Registered Model (name=${name}) already exists.`);
}
