import type { Stored } from "../../stores/document-store.ts";
import { turn } from "../../turns.ts";
import { FolderOwners } from "../folder-owners.ts";
import { ScopeIndex } from "../scope-index.ts";
import { ColumnTable } from "../search/column-table.ts";
import { type Continued, type PageRequest, searchPage } from "../search/page.ts";
import { Steps } from "../search/steps.ts";
import { CATALOG } from "../stored-names.ts";
import type { Workspace } from "../workspace.ts";
import { registryScope } from "./models.ts";
import type { ModelVersion, NamedVersion, RegisteredModel, RegistryItem, VersionStage } from "./types.ts";
import { named } from "./versions.ts";

const ENTRY_BYTES = 1200;

/** All registered models and versions of a workspace, searchable. */
export class RegistryIndex extends ScopeIndex<RegistryItem> {
  readonly models = new ColumnTable();
  readonly versions = new ColumnTable();
  private readonly modelById = new Map<string, RegisteredModel>();
  private readonly modelByKey = new Map<string, RegisteredModel>();
  private readonly versionById = new Map<string, ModelVersion>();
  private readonly idsByKey = new Map<string, Set<string>>();
  /** Versions, by where their files are. */
  private readonly folders = new FolderOwners();

  protected estimateBytes(): number {
    return this.models.bytes + this.versions.bytes + (this.modelById.size + this.versionById.size) * ENTRY_BYTES;
  }

  modelAt(id: string): RegisteredModel {
    return this.modelById.get(id)!;
  }

  /** Undefined when the model is gone. */
  versionAt(id: string): NamedVersion | undefined {
    const version = this.versionById.get(id);
    const model = version && this.modelByKey.get(version.modelKey);
    return model && named(model, version);
  }

  /** Whether the files of a version are in this very folder. While a renaming is being read its model may have no name. */
  isInUse(folder: string): boolean {
    return this.folders.of(folder).length > 0;
  }

  /** The versions whose files lie in a folder or below it, with the folder of each. */
  *versionsWithin(folder: string): Generator<{ version: NamedVersion; folder: string }> {
    for (const found of this.folders.within(folder)) {
      const version = this.versionAt(found.id);
      if (version) yield { version, folder: found.folder };
    }
  }

  isOrphan(versionId: string): boolean {
    return !this.modelByKey.has(this.versionById.get(versionId)!.modelKey);
  }

  /** The highest version of each stage. */
  latestVersions(model: RegisteredModel): NamedVersion[] {
    const latest = new Map<VersionStage, ModelVersion>();
    for (const id of this.idsByKey.get(model.key) ?? []) {
      const version = this.versionById.get(id)!;
      if (version.version > (latest.get(version.stage)?.version ?? 0)) latest.set(version.stage, version);
    }
    return [...latest.values()].sort((a, b) => a.version - b.version).map((version) => named(model, version));
  }

  protected async apply(items: readonly Stored<RegistryItem>[]): Promise<void> {
    for (const { item } of items) {
      if (item.kind === "registered-model") this.setModel(item.id, item.model);
      else if (item.kind === "model-version") this.setVersion(item.id, item.version);
      else if (item.id.startsWith(CATALOG.models.prefix)) this.removeModel(item.id);
      else this.removeVersion(item.id);
      await turn();
    }
  }

  private setModel(id: string, model: RegisteredModel): void {
    const renamed = this.modelByKey.get(model.key)?.name !== model.name;
    if (this.modelById.get(id)?.key !== model.key) this.removeModel(id);
    this.modelById.set(id, model);
    this.modelByKey.set(model.key, model);
    this.models.upsert(id, modelRow(model));
    if (!renamed) return;
    for (const versionId of this.idsByKey.get(model.key) ?? []) {
      this.versions.upsert(versionId, versionRow(this.versionById.get(versionId)!, model.name));
    }
  }

  /** After a renaming the old name's tombstone, or another model, may come behind the new document: the key decides. */
  private removeModel(id: string): void {
    const model = this.modelById.get(id);
    if (!model) return;
    this.modelById.delete(id);
    this.models.remove(id);
    if (this.modelByKey.get(model.key)?.name === model.name) this.modelByKey.delete(model.key);
  }

  private setVersion(id: string, version: ModelVersion): void {
    const ids = this.idsByKey.get(version.modelKey) ?? new Set();
    this.idsByKey.set(version.modelKey, ids.add(id));
    this.versionById.set(id, version);
    this.folders.set(id, version.storageLocation);
    this.versions.upsert(id, versionRow(version, this.modelByKey.get(version.modelKey)?.name ?? ""));
  }

  private removeVersion(id: string): void {
    const version = this.versionById.get(id);
    if (!version) return;
    this.versionById.delete(id);
    this.versions.remove(id);
    this.idsByKey.get(version.modelKey)?.delete(id);
    this.folders.remove(id);
  }
}

export function registryIndex(workspace: Workspace): Promise<RegistryIndex> {
  const scope = registryScope(workspace);
  return workspace.memory.index(
    scope,
    () => new RegistryIndex(workspace.stores.documents.catalog, scope, workspace.clock),
  );
}

/** Registered models that satisfy a filter, each with its highest version in every stage. */
export async function searchRegisteredModels(workspace: Workspace, request: PageRequest) {
  const index = await registryIndex(workspace);
  await turn();
  const { rows, ...continued } = searchPage([{ table: index.models }], request, workspace.id);
  const models = rows.map(({ id }) => index.modelAt(id));
  return { models: models.map((model) => ({ model, latest: index.latestVersions(model) })), ...continued };
}

/** Versions of all models that satisfy a filter. */
export async function searchModelVersions(
  workspace: Workspace,
  request: PageRequest,
  steps = new Steps(),
): Promise<Continued & { readonly versions: NamedVersion[] }> {
  const index = await registryIndex(workspace);
  await turn();
  const { rows, ...continued } = searchPage(
    [{ table: index.versions, visible: (row) => !index.isOrphan(row.id) }],
    request,
    workspace.id,
    steps,
  );
  return { versions: rows.map(({ id }) => index.versionAt(id)!), ...continued };
}

function modelRow(model: RegisteredModel) {
  return {
    numbers: [
      ["attribute.creation_timestamp", model.createdMs],
      ["attribute.last_updated_timestamp", model.updatedMs],
    ] as [string, number][],
    strings: [["attribute.name", model.name], ...tagCells(model.tags)] as [string, string][],
  };
}

function versionRow(version: ModelVersion, name: string) {
  return {
    numbers: [
      ["attribute.creation_timestamp", version.createdMs],
      ["attribute.last_updated_timestamp", version.updatedMs],
      ["attribute.version_number", version.version],
    ] as [string, number][],
    strings: [
      ["attribute.name", name],
      ["attribute.run_id", version.runId],
      ["attribute.source_path", version.source],
      ["attribute.current_stage", version.stage],
      ...tagCells(version.tags),
    ] as [string, string][],
  };
}

function tagCells(tags: readonly (readonly [string, string])[]): [string, string][] {
  return tags.map(([key, value]) => [`tag.${key}`, value]);
}
