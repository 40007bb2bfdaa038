import type { Stored } from "../../stores/document-store.ts";
import { inBatches } from "../batches.ts";
import { invalid, sayTooLarge } from "../errors.ts";
import { optimistically } from "../optimistic.ts";
import type { Tag } from "../tag.ts";
import { cut, LIMITS, requireEntityName, requireLength } from "../validation.ts";
import type { Workspace } from "../workspace.ts";
import {
  changeModel,
  getRegisteredModel,
  later,
  registryScope,
  requireRegistryTag,
  tombstone,
  versionDocumentId,
  versionNotFound,
  versionRange,
} from "./models.ts";
import {
  type ModelVersion,
  type NamedVersion,
  type RegisteredModel,
  type RegistryItem,
  STAGES,
  type VersionItem,
  type VersionStage,
} from "./types.ts";

/** @throws NotFound */
export async function getModelVersion(workspace: Workspace, name: string, version: string): Promise<NamedVersion> {
  const model = await getRegisteredModel(workspace, name);
  const stored = await requireVersion(workspace, model, requireVersionNumber(version));
  return named(model, stored.item.version);
}

export async function updateModelVersion(
  workspace: Workspace,
  name: string,
  version: string,
  description: string,
): Promise<NamedVersion> {
  requireLength("description", description, LIMITS.registryDescription);
  return changeVersion(workspace, name, version, (before) => ({
    ...before,
    description,
    updatedMs: later(workspace, before.updatedMs),
  }));
}

/** As in MLflow, a tag leaves the time of the last update as it is: by default a search begins with the version updated last. */
export async function setModelVersionTag(
  workspace: Workspace,
  name: string,
  version: string,
  tag: Tag,
): Promise<NamedVersion> {
  requireRegistryTag(tag);
  return changeVersion(workspace, name, version, (before) => ({
    ...before,
    tags: [...new Map(before.tags).set(tag.key, tag.value)],
  }));
}

/** Nothing happens when there is no such tag. */
export async function deleteModelVersionTag(
  workspace: Workspace,
  name: string,
  version: string,
  key: string,
): Promise<NamedVersion> {
  requireEntityName("key", key);
  return changeVersion(workspace, name, version, (before) => {
    const tags = new Map(before.tags);
    return tags.delete(key) ? { ...before, tags: [...tags] } : before;
  });
}

/**
 * Moves a version to a stage, under its model's ETag: of several who archive what is there, the last one's version stays.
 * @param archiveExisting moves the other versions of that stage to Archived, in the same batch where they are not very many; only for Staging
 * and Production
 */
export async function transitionStage(
  workspace: Workspace,
  name: string,
  version: string,
  stageName: string,
  archiveExisting: boolean,
): Promise<NamedVersion> {
  const stage = requireStage(stageName);
  if (archiveExisting && stage !== "Staging" && stage !== "Production") {
    throw invalid(
      "Model version transition cannot archive existing model versions because " +
        `'${stageName}' is not an Active stage. Valid stages are Staging, Production`,
    );
  }
  const number = requireVersionNumber(version);
  return changeModel(workspace, name, async (model) => {
    const stored = await requireVersion(workspace, model, number);
    const others = archiveExisting ? await storedVersions(workspace, model) : [];
    const toArchive = others.filter(({ item }) => item.version.stage === stage && item.version.version !== number);
    const moved = movedTo(workspace, stage, stored);
    const batches = inBatches([...toArchive.map((other) => movedTo(workspace, "Archived", other)), moved]);
    const also = batches.pop()!;
    for (const batch of batches) await workspace.stores.documents.catalog.batch(workspace.id, batch);
    const result = named(model, moved.item.version);
    return { model: { ...model, updatedMs: later(workspace, model.updatedMs) }, also, result };
  });
}

function movedTo(workspace: Workspace, stage: VersionStage, { item, etag }: Stored<VersionItem>) {
  const version = { ...item.version, stage, updatedMs: later(workspace, item.version.updatedMs) };
  return { kind: "replace" as const, item: versionItem(workspace, version), etag };
}

/** Deletes a version for good; aliases to it go with it, its number does not come again. */
export async function deleteModelVersion(workspace: Workspace, name: string, version: string): Promise<void> {
  const number = requireVersionNumber(version);
  await changeModel(workspace, name, async (model) => {
    const { item, etag } = await requireVersion(workspace, model, number);
    return {
      model: {
        ...model,
        aliases: model.aliases.filter(([, target]) => target !== number),
        updatedMs: later(workspace, model.updatedMs),
      },
      also: [{ kind: "replace", item: tombstone(item), etag }],
      result: undefined,
    };
  });
}

/** All versions of a model, ascending. */
export async function listVersions(workspace: Workspace, model: RegisteredModel): Promise<NamedVersion[]> {
  return (await storedVersions(workspace, model)).map(({ item }) => named(model, item.version));
}

async function storedVersions(workspace: Workspace, model: RegisteredModel): Promise<Stored<VersionItem>[]> {
  const found: Stored<VersionItem>[] = [];
  const { catalog } = workspace.stores.documents;
  for await (const page of catalog.list<RegistryItem>(workspace.id, versionRange(model.key))) {
    found.push(...page.filter((stored): stored is Stored<VersionItem> => stored.item.kind === "model-version"));
  }
  return found;
}

export function named(model: RegisteredModel, version: ModelVersion): NamedVersion {
  const aliases = model.aliases.filter(([, target]) => target === version.version).map(([alias]) => alias);
  return { name: model.name, version, aliases };
}

/** Case does not matter. @throws InvalidParameter */
export function requireStage(stage: string): VersionStage {
  const found = STAGES.find((known) => known.toLowerCase() === stage.toLowerCase());
  if (found) return found;
  throw invalid(`Invalid Model Version stage: ${cut(stage)}. Value must be one of ${STAGES.join(", ")}.`);
}

export function requireVersionNumber(version: string): number {
  if (/^\d{1,10}$/.test(version)) return Number(version);
  throw invalid(`Parameter 'version' must be an integer, got '${cut(version)}'.`);
}

function changeVersion(
  workspace: Workspace,
  name: string,
  version: string,
  edit: (version: ModelVersion) => ModelVersion,
): Promise<NamedVersion> {
  const number = requireVersionNumber(version);
  return optimistically(`${workspace.id}/version/${name}/${number}`, async () => {
    const model = await getRegisteredModel(workspace, name);
    const { item, etag } = await requireVersion(workspace, model, number);
    const edited = edit(item.version);
    if (edited === item.version) return named(model, edited);
    const writing = workspace.stores.documents.catalog.replace(workspace.id, versionItem(workspace, edited), etag);
    await sayTooLarge("The tags of this version", writing);
    return named(model, edited);
  });
}

async function requireVersion(
  workspace: Workspace,
  model: RegisteredModel,
  version: number,
): Promise<Stored<VersionItem>> {
  const id = versionDocumentId(model.key, version);
  const { catalog } = workspace.stores.documents;
  const stored = await workspace.memory.get<RegistryItem>(catalog, workspace.id, id, "catalog");
  if (stored?.item.kind === "model-version") return stored as Stored<VersionItem>;
  throw versionNotFound(model.name, version);
}

export function versionItem(workspace: Workspace, version: ModelVersion): VersionItem {
  const id = versionDocumentId(version.modelKey, version.version);
  return { id, scope: registryScope(workspace), kind: "model-version", version };
}
