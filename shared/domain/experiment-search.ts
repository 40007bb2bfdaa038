import type { Stored } from "../stores/document-store.ts";
import { type Experiment, type ExperimentItem, experimentsScope } from "./experiments.ts";
import { FolderOwners } from "./folder-owners.ts";
import type { RegistryTombstone } from "./registry/types.ts";
import { ScopeIndex } from "./scope-index.ts";
import { ColumnTable } from "./search/column-table.ts";
import { searchableExperimentId } from "./search/experiment-id.ts";
import { type PageRequest, searchPage } from "./search/page.ts";
import type { Workspace } from "./workspace.ts";

export type View = "ACTIVE_ONLY" | "DELETED_ONLY" | "ALL";

const DOCUMENT_BYTES = 600;

export class ExperimentIndex extends ScopeIndex<ExperimentItem | RegistryTombstone> {
  readonly table = new ColumnTable();
  readonly experiments = new Map<string, Experiment>();
  /** Experiments, by where their artifacts are. */
  readonly folders = new FolderOwners();

  protected estimateBytes(): number {
    return this.table.bytes + this.experiments.size * DOCUMENT_BYTES;
  }

  protected apply(items: readonly Stored<ExperimentItem | RegistryTombstone>[]): void {
    for (const { item } of items) {
      if (item.kind === "tombstone") {
        this.table.remove(item.id);
        this.experiments.delete(item.id);
        this.folders.remove(item.id);
      } else {
        this.experiments.set(item.id, item.experiment);
        this.folders.set(item.id, item.experiment.artifactLocation);
        this.table.upsert(item.id, rowOf(item.experiment));
      }
    }
  }
}

function rowOf(experiment: Experiment) {
  return {
    numbers: [
      ["attribute.creation_time", experiment.createdMs],
      ["attribute.last_update_time", experiment.updatedMs],
    ] as [string, number][],
    strings: [
      ["attribute.name", experiment.name],
      ["attribute.experiment_id", searchableExperimentId(experiment.experimentId)],
      ...experiment.tags.map(([key, value]) => [`tag.${key}`, value] as [string, string]),
    ] as [string, string][],
    note: experiment.stage,
  };
}

/** All experiments of a workspace, deleted ones included, searchable. */
export function experimentIndex(workspace: Workspace): Promise<ExperimentIndex> {
  const scope = experimentsScope(workspace);
  return workspace.memory.index(scope, () => new ExperimentIndex(workspace.stores.documents.catalog, scope));
}

/**
 * Experiments that satisfy a filter, page by page.
 */
export async function searchExperiments(
  workspace: Workspace,
  request: PageRequest & { readonly view: View },
): Promise<{ experiments: Experiment[]; nextPageToken?: string }> {
  const index = await experimentIndex(workspace);
  const visible = { ACTIVE_ONLY: "active", DELETED_ONLY: "deleted", ALL: undefined }[request.view];
  const { rows, nextPageToken } = searchPage(
    [{ table: index.table, visible: visible ? (row) => row.note === visible : undefined }],
    request,
    [experimentsScope(workspace), request.view],
  );
  return { experiments: rows.map(({ id }) => index.experiments.get(id)!), nextPageToken };
}
